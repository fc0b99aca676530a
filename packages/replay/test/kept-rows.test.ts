/**
 * Rows that tables keep decoded: how many bytes of long prompts, how many runs, that large rows are known again; and what one transaction reads once. Over a real LMDB
 * file.
 */
import { type PlannedTask, SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import type { IterationRow } from '../dist/rows.js';
import { openTables, type Tables } from '../dist/tables.js';
import { member, problem, removeFolder, runId, runRecord, temporaryFolder } from './support/fixtures.js';

const mebibyte = 1024 * 1024;

function freshTables(t: Test): Tables {
  const folder = temporaryFolder();
  const tables = openTables(folder);
  t.teardown(async () => {
    await tables.close();
    removeFolder(folder);
  });
  return tables;
}

/** A prompt of so many bytes, such as one with a picture. */
function long(id: string, bytes: number) {
  return { ...problem(id), prompt: id.at(-1)?.repeat(bytes) ?? '' };
}

t.test('of long prompts 16 MiB are kept, those that came last, and none that is longer than that', async (t) => {
  const tables = freshTables(t);
  const { problems } = tables;
  const put = (position: number, bytes: number) =>
    tables.transact(() => problems.put([runId, position], long(`p${position}`, bytes)));
  for (let position = 0; position < 6; position++) put(position, 3 * mebibyte);
  t.equal(problems.keptRows, 5);
  t.ok(problems.get([runId, 0])?.prompt === '0'.repeat(3 * mebibyte), 'the others are read');
  t.equal(problems.keptRows, 5, 'in the place of another');
  for (let again = 0; again < 8; again++) put(5, 3 * mebibyte);
  t.equal(problems.keptRows, 5, 'a row that is written again counts once');
  put(6, 9 * mebibyte);
  t.equal(problems.keptRows, 3, 'a longer one takes the place of several');
  put(7, 17 * mebibyte);
  t.equal(problems.keptRows, 3);
  t.equal(problems.get([runId, 7])?.prompt.length, 17 * mebibyte, 'too long to be kept, and read');
  t.equal(problems.keptRows, 3);
  put(6, 17 * mebibyte);
  t.equal(problems.keptRows, 2, 'nothing is left of what it was before');
  problems.letGo(runId);
  for (let position = 0; position < 6; position++) put(position, 3 * mebibyte);
  t.equal(problems.keptRows, 5, 'what was let go of counts no more');
});

t.test('a row of more than 16 MiB is known again by its bytes, as any other', async (t) => {
  const tables = freshTables(t);
  const problemId = 'p'.repeat(17 * mebibyte);
  const at = { trajectoryId: member(0, 0), groupId: `${runId}-g0` };
  const plan: readonly PlannedTask[] = [{ ...at, problemId, segmentIndex: 0, lastSpan: false }];
  tables.transact(() => tables.plans.put([runId, 0], plan));
  t.ok(tables.plans.get([runId, 0]) === plan, 'not decoded');
  tables.plans.letGo(runId);
  const read = tables.plans.get([runId, 0]) ?? [];
  t.ok(read !== plan && read[0]?.problemId === problemId, 'decoded');
  t.ok(tables.plans.get([runId, 0]) === read, 'once');
  const undo = () =>
    tables.transact(() => {
      tables.plans.put([runId, 0], [{ ...plan[0]!, problemId: 'q'.repeat(17 * mebibyte) }]);
      throw new SegueError('INTERNAL', 'undone');
    });
  t.throws(undo, { code: 'INTERNAL' });
  t.ok(
    tables.plans.get([runId, 0])?.[0]?.problemId === problemId,
    'another one as long, which is not in the file, is not taken for it',
  );
});

t.test('of runs 64 rows are kept, which are not decoded again', async (t) => {
  const { runs, transact } = freshTables(t);
  transact(() => {
    for (let n = 0; n < 70; n++) runs.put([`run-${n}`], runRecord(`run-${n}`));
  });
  t.equal(runs.keptRows, 64);
  const read = runs.get(['run-0']);
  t.equal(read?.id, 'run-0', 'the others are read');
  t.ok(read !== undefined && runs.get(['run-0']) === read, 'once');
});

const iteration: IterationRow = {
  runId,
  iteration: 0,
  state: 'open',
  policyVersion: 0,
  policyVersionOut: 0,
  maxAttempts: 3,
  batchGroupIds: [],
  filteredEqual: 0,
  filteredUnusable: 0,
  metricsJson: '',
  openedAtMs: 1,
  closedAtMs: 0,
  committedAtMs: 0,
  progress: null,
};

t.test(
  'what a transaction reads once is read anew after a write, after a part that was undone, and after its end',
  async (t) => {
    const { iterations, transact } = freshTables(t);
    const state = (number = 0) => iterations.get([runId, number])?.state;
    const put = (row: IterationRow) => iterations.put([runId, row.iteration], row);
    const undone = new SegueError('INTERNAL', 'undone');
    const undo = (work: () => void) => {
      t.throws(
        () =>
          transact(() => {
            work();
            throw undone;
          }),
        undone,
      );
    };
    transact(() => {
      t.equal(state(), undefined);
      put(iteration);
      put({ ...iteration, iteration: 1, state: 'closed' });
      t.strictSame([state(), state(1), state()], ['open', 'closed', 'open'], 'each by its own key');
      undo(() => {
        put({ ...iteration, state: 'closed' });
        t.equal(state(), 'closed');
      });
      t.equal(state(), 'open');
      undo(() => {
        t.equal(state(), 'open');
        iterations.remove([runId, 0]);
        t.equal(state(), undefined, 'and after it was removed');
      });
      t.equal(state(), 'open');
    });
    undo(() => {
      put({ ...iteration, state: 'committed' });
      t.equal(state(), 'committed');
    });
    t.equal(state(), 'open');
    transact(() => t.equal(state(), 'open'));
  },
);
