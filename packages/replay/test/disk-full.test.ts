/** The store's process on a disk that is full: callers are refused, what was acknowledged stays, and work goes on when there is space again. */
import { connectBus, pause } from '@segue/bus';
import { SegueError } from '@segue/core';
import t from 'tap';
import { startNats } from '../../../test/support/nats.js';
import { cannotMount, smallDisk } from '../../../test/support/small-disk.js';
import { bulky, bulkyProblem } from './support/bulky.js';
import { member, planOf, runId, runRecord } from './support/fixtures.js';
import { startReplay } from './support/processes.js';

const mebibyte = 1 << 20;

t.test('a full disk under the store', { skip: cannotMount() }, async (t) => {
  const disk = smallDisk(8 * mebibyte, 6 * mebibyte);
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test' });
  const { folder, wrapper } = disk;
  const replay = await startReplay({ natsUrl: nats.url, dataFolder: folder, wrapper });
  t.teardown(async () => {
    replay.client.close();
    await replay.kill();
    await bus.close();
    await nats.stop();
    disk.remove();
  });
  const trajectories = 200;
  await replay.client.putRun({ run: runRecord(), expectedRevision: null });
  await replay.client.putProblems({ runId, batchId: 'first' }, [bulkyProblem]);
  await replay.client.openIteration(planOf(0, [[0, trajectories]]));
  const other = 'other';
  await replay.client.putRun({ run: runRecord(other), expectedRevision: null });
  const nothing = { newGroups: [], tasks: [] };
  await replay.client.openIteration({ runId: other, iteration: 0, policyVersion: 0, maxAttempts: 3, ...nothing });

  let stored = 0;
  let refusal: SegueError | null = null;
  while (refusal === null && stored < trajectories) {
    try {
      await replay.client.appendSegment({ runId, segment: bulky(stored) });
      stored++;
    } catch (error) {
      refusal = SegueError.from(error);
    }
  }
  t.match(refusal, { code: 'RESOURCE_EXHAUSTED', message: /replay store in .* free disk space/ });
  t.ok(stored > 10, `${stored} segments were stored before`);
  await bus.publishSegment(runId, bulky(stored + 1));
  // As large as what was refused: a smaller write may still find pages that an earlier one gave back.
  const again = replay.client.appendSegment({ runId, segment: bulky(stored) });
  await t.rejects(again, { code: 'RESOURCE_EXHAUSTED' }, 'and again');
  // A small write may find a page that an earlier one gave back: it is done or refused, never half of it.
  const close = () => replay.client.closeIteration({ runId: other, iteration: 0 });
  const refused = await close().then(() => null, SegueError.from);
  if (refused !== null) t.match(refused, { code: 'RESOURCE_EXHAUSTED' });
  const { state } = await replay.client.getIteration({ runId: other, iteration: 0 });
  t.equal(state, refused === null ? 'closed' : 'open');
  const requireStored = async () => {
    for (let index = 0; index < stored; index++) {
      const { segments } = await replay.client.getTrajectory({ trajectoryId: member(0, index) });
      if (segments[0]?.tokens.join() !== bulky(index).tokens.join()) t.fail(`segment of trajectory ${index} is lost`);
    }
  };
  await requireStored();
  const { progress } = await replay.client.getIteration({ runId, iteration: 0 });
  t.equal(progress.committedTasks, stored, 'what was refused counts for nothing');

  disk.free(replay.pid);
  t.match(await replay.client.appendSegment({ runId, segment: bulky(stored) }), { outcome: 'committed' });
  t.match(await close(), { state: 'closed' });
  stored += 1;
  const isThere = async () =>
    (await replay.client.getTrajectory({ trajectoryId: member(0, stored) })).segments.length === 1;
  while (!(await isThere())) await pause(50);
  stored += 1;
  await requireStored();
  for await (const { damage } of replay.client.verify({ runId: null, repair: false })) t.equal(damage, null);
});
