/** kill -9 of a process at a bad moment: the run finishes, and nothing is lost or done twice. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';

// Short leases, so that what a dead actor held comes back within the test.
const settings = { actor: ['leaseMs=2000', 'slots=16'] };

t.test('kill -9 of one actor during the rollout phase', async (t) => {
  const run = await prepareToyRun(t, 'kill-1', { settings });
  const { cluster, client, runId } = run;
  await client.resumeRun(runId);
  let kills = 0;
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    const rolling = event.kind === 'phase' && event.body.phase === 'rollout';
    if (rolling && (event.body.iteration === 1 || event.body.iteration === 3)) {
      process.kill(cluster.child(`actor-${kills % 2}`).pid!, 'SIGKILL');
      kills += 1;
    }
  }
  t.equal(kills, 2);
  await requireWhole(t, run);
});

t.test(
  'kill -9 of the controller in the middle of an iteration, of the trainer between stage and rename',
  async (t) => {
    const marker = join(t.testdir(), 'trainer-died');
    process.env.ONCE_STAGED_VERSION = marker;
    t.teardown(() => {
      delete process.env.ONCE_STAGED_VERSION;
    });
    const entries = { trainer: fileURLToPath(new URL('../support/unwell/trainer.mjs', import.meta.url)) };
    const run = await prepareToyRun(t, 'kill-2', { settings, entries }, { iterations: 5 });
    const { cluster, client, runId } = run;
    await client.resumeRun(runId);
    // One kill per phase: the tasks are out; the actors flush; the trainer works.
    const moments = new Map([
      ['rollout', 1],
      ['close', 2],
      ['train', 3],
    ]);
    const killed: string[] = [];
    for await (const event of client.watchRun(runId, { fromStart: true })) {
      if (event.kind !== 'phase' || moments.get(event.body.phase) !== event.body.iteration) continue;
      moments.delete(event.body.phase);
      killed.push(event.body.phase);
      process.kill(cluster.child('controller').pid!, 'SIGKILL');
    }
    t.strictSame(killed, ['rollout', 'close', 'train']);
    t.equal(cluster.child('controller').restarts, 3);
    await t.resolves(access(marker), 'the trainer died while version 2 was staged');
    t.equal(cluster.child('trainer').restarts, 1);
    await requireWhole(t, run);
  },
);
