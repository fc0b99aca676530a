/** One lane by itself: engines that die in a load. */
import { type PolicyLocation, SegueError } from '@segue/core';
import t from 'tap';
import { Lane } from '../dist/lane.js';
import { FakeEngine, settle } from './support/fakes.js';

/** Its thread ends in the first load. */
class DyingEngine extends FakeEngine {
  #dead = false;

  override async loadVersion(_: PolicyLocation): Promise<void> {
    this.#dead = true;
    throw new SegueError('UNAVAILABLE', 'the thread has ended');
  }

  override async status() {
    if (this.#dead) throw new SegueError('UNAVAILABLE', 'the thread has ended');
    return super.status();
  }
}

t.test('an engine that its first load killed is replaced, and the next load succeeds', async (t) => {
  const engines: FakeEngine[] = [];
  const failures: string[] = [];
  const lane = new Lane({
    createEngine: () => {
      engines.push(engines.length === 0 ? new DyingEngine(1) : new FakeEngine(1));
      return engines.at(-1)!;
    },
    engineTimeoutMs: 60_000,
    sources: [],
    onFailure: (error, broken) => failures.push(`${broken}: ${error.rawMessage}`),
  });
  await lane.start();
  t.teardown(() => lane.stop());
  const policy = { runId: 'r', version: 1, folder: 'x' };
  await t.rejects(lane.load(policy), { message: /the thread has ended/ });
  await lane.load(policy);
  await settle();
  t.strictSame(failures, ['false: the thread has ended']);
  t.strictSame(engines.length, 2);
  t.equal(lane.policy?.version, 1);
});

t.test('an I/O timeout of a load is not taken for a hang', async (t) => {
  class SlowDisk extends FakeEngine {
    override async loadVersion(location: PolicyLocation): Promise<void> {
      if (location.version === 1) throw new SegueError('DEADLINE_EXCEEDED', 'ETIMEDOUT: read');
      await super.loadVersion(location);
    }
  }
  const lane = new Lane({
    createEngine: () => new SlowDisk(1),
    engineTimeoutMs: 60_000,
    sources: [],
    onFailure: (error) => t.fail(error.message),
  });
  await lane.start();
  t.teardown(() => lane.stop());
  await t.rejects(lane.load({ runId: 'r', version: 1, folder: 'x' }), { code: 'DEADLINE_EXCEEDED' });
  await lane.load({ runId: 'r', version: 2, folder: 'x' });
  await settle();
  t.equal(lane.policy?.version, 2);
  t.equal(lane.hung, null);
});
