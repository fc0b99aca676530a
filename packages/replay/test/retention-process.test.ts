/**
 * Retention in a store that runs: the records of old runs go, and what the bus keeps of them, while another run goes on; and again after a kill in between. Real
 * nats-server, real processes. Which runs go, and what of them, is retention.test.ts.
 */
import { join } from 'node:path';
import type { RunState } from '@segue/core';
import t from 'tap';
import { until } from '../../../test/support/waiting.js';
import { markRetired } from '../src/retire.js';
import { openTables } from '../src/tables.js';
import { member, planOf, problem, runId, runRecord, segmentAfter } from './support/fixtures.js';
import { newWorld, type ReplayProcess } from './support/processes.js';

const trajectories = 64;
const retention = { SEGUE_REPLAY_RETENTION__FINISHED_RUNS: '1', SEGUE_REPLAY_RETENTION__MIN_AGE_HOURS: '0' };

async function addRun({ client }: ReplayProcess, id: string, createdAtMs: number, state: RunState): Promise<void> {
  const run = { ...runRecord(id), createdAtMs };
  const { revision } = await client.putRun({ run, expectedRevision: null });
  await client.putProblems({ runId: id, batchId: 'first' }, [problem('p0')]);
  await client.putRun({ run: { ...run, state }, expectedRevision: revision });
}

async function countProblems({ client }: ReplayProcess, id: string): Promise<number> {
  let count = 0;
  for await (const _ of client.listProblems({ runId: id, purpose: null })) count++;
  return count;
}

t.test('old runs go while a run goes on', async (t) => {
  const { bus, start } = await newWorld(t);
  const signal = async (id: string) => {
    await bus.putActivePolicy({ runId: id, version: 1, manifestSha256: 'ab', folder: '/p', trainerAddress: 'h:1' });
    await bus.putIterationSignal({ runId: id, iteration: 0, policyVersion: 0, open: false });
  };

  const before = await start();
  await addRun(before, runId, 1, 'running');
  await before.client.openIteration(planOf(0, [[0, trajectories]]));
  await addRun(before, 'oldest', 2, 'finished');
  await addRun(before, 'older', 3, 'stopped');
  await addRun(before, 'newest', 4, 'finished');
  for (const id of [runId, 'oldest', 'older', 'newest']) await signal(id);
  t.same((await bus.signalledRuns()).sort(), ['newest', 'older', 'oldest', runId]);
  await before.kill();

  const store = await start({ environment: retention });
  let published = 0;
  const publish = async () => {
    const at = { id: member(0, published++), promptTokens: problem('p0').promptTokens, segments: [] };
    await bus.publishSegment(runId, segmentAfter(at, 'budget'));
  };
  await until(async () => {
    if (published < trajectories / 2) await publish();
    return (await countProblems(store, 'oldest')) + (await countProblems(store, 'older')) === 0;
  }, 'the records of the old runs are gone');
  while (published < trajectories) await publish();
  const isThere = async () => (await store.client.getStatistics({ runId })).appendsByOutcome.committed === trajectories;
  await until(isThere, 'every segment is committed');
  t.equal(await countProblems(store, 'newest'), 1, 'the newest of those that are over stays');
  t.equal(await countProblems(store, runId), 1, 'and so does what goes on');
  const late = store.client.putProblems({ runId: 'older', batchId: 'second' }, [problem('p1')]);
  await t.rejects(late, { code: 'FAILED_PRECONDITION', message: /its records were removed/ });
  const areGone = async () => !(await bus.signalledRuns()).some((id) => id.startsWith('old'));
  await until(areGone, 'the bus has forgotten the old runs');
  t.same((await bus.signalledRuns()).sort(), ['newest', runId], 'the bus keeps nothing of them either');
  t.equal(await bus.getActivePolicy('older'), null);
  t.match(await bus.getActivePolicy(runId), { version: 1 });
  await addRun(store, 'latest', 5, 'finished');
  const isNextGone = async () => !(await bus.signalledRuns()).includes('newest');
  await until(isNextGone, 'the bus has forgotten the run that went while the store ran');

  await store.kill();
  // As if the store had died between the two.
  await signal('older');
  const after = await start({ environment: retention });
  await until(areGone, 'a store that begins makes up for what one before had left');
  t.equal((await after.client.getStatistics({ runId })).appendsByOutcome.committed, trajectories);
});

t.test(
  'what was begun is brought to an end, also where runs are kept from now on, as after a snapshot was put back',
  async (t) => {
    const { folder, start } = await newWorld(t);
    const before = await start();
    await addRun(before, runId, 1, 'finished');
    await addRun(before, 'kept', 2, 'finished');
    await before.stop();
    const tables = openTables(join(folder, 'replay'));
    tables.transact(() => markRetired({ tables, nowMs: 3, note: () => undefined }, runId));
    await tables.close();
    const after = await start();
    await until(async () => (await countProblems(after, runId)) === 0, 'its records are gone');
    t.equal(await countProblems(after, 'kept'), 1);
  },
);
