/** The group commit alone, over a real file: writes that share a transaction, one of which breaks off, before or after it has changed rows. */
import { SegueError } from '@segue/core';
import t, { type Test } from 'tap';
import { noCounts } from '../src/rows.js';
import { openTables, type Tables } from '../src/tables.js';
import { Writer } from '../src/writer.js';
import { removeFolder, temporaryFolder } from './support/fixtures.js';

const runId = 'run';

function countedUp(tables: Tables): number {
  const counters = tables.counters.get([runId]) ?? noCounts;
  tables.counters.put([runId], { ...counters, finished: counters.finished + 1 });
  return counters.finished + 1;
}

function open(t: Test, maxStoreBytes = 1e9) {
  const folder = temporaryFolder();
  const tables = openTables(folder);
  t.teardown(async () => {
    await tables.close();
    removeFolder(folder);
  });
  return { tables, writer: new Writer(tables, { maxStoreBytes }) };
}

const repeatable = { isRepeatable: true };
const refused = () => new SegueError('INVALID_INPUT', 'no');
const isRefused = { status: 'rejected', reason: { code: 'INVALID_INPUT' } };

t.test('rows that are written late: each write of a transaction sees them, the file has them after it', async (t) => {
  const { tables, writer } = open(t);
  const counts = await Promise.all(
    [1, 2, 3].map(() =>
      writer.run(
        () => countedUp(tables),
        () => {},
        repeatable,
      ),
    ),
  );
  t.same(counts, [1, 2, 3]);
  t.equal(tables.counters.get([runId])?.finished, 3);
  t.same(tables.counters.keys([]), [[runId]], 'in the file');
  t.throws(() =>
    tables.transact(() => {
      countedUp(tables);
      throw refused();
    }),
  );
  t.equal(tables.counters.get([runId])?.finished, 3, 'what was undone is not there');
});

for (const [when, hasChanged] of [
  ['before it has changed anything', false],
  ['after it has changed rows', true],
] as const) {
  t.test(`a write that breaks off ${when} is undone; its neighbours are there, once`, async (t) => {
    const { tables, writer } = open(t);
    let runs = 0;
    const good = () => {
      runs++;
      return countedUp(tables);
    };
    const bad = () => {
      if (hasChanged) {
        tables.fills.put([runId, 'table', 'bad'], 1);
        countedUp(tables);
      }
      throw refused();
    };
    const committed: number[] = [];
    const results = await Promise.allSettled([
      writer.run(good, (count) => committed.push(count), repeatable),
      writer.run(bad, () => t.fail('it is not committed'), repeatable),
      writer.run(good, (count) => committed.push(count), repeatable),
    ]);
    t.match(results, [{ value: 1 }, isRefused, { value: 2 }]);
    t.same(committed, [1, 2]);
    t.equal(runs, hasChanged ? 3 : 2, 'the first ran again where all had to be undone');
    t.equal(tables.counters.get([runId])?.finished, 2);
    t.same(tables.fills.keys([]), [], 'nothing of the one that broke off');
  });
}

t.test('a write that must not run again runs once, whatever breaks off beside it', async (t) => {
  const { tables, writer } = open(t);
  let runs = 0;
  const once = () => {
    runs++;
    return countedUp(tables);
  };
  const bad = () => {
    countedUp(tables);
    throw refused();
  };
  const results = await Promise.allSettled([writer.run(once, () => {}), writer.run(bad, () => {}, repeatable)]);
  t.match(results, [{ value: 1 }, isRefused]);
  t.equal(runs, 1);
  t.equal(tables.counters.get([runId])?.finished, 1);
});

t.test('of a write that runs again the last run counts', async (t) => {
  const { tables, writer } = open(t);
  let runs = 0;
  const fickle = () => {
    if (runs++ === 0) throw refused();
    return countedUp(tables);
  };
  const bad = () => {
    countedUp(tables);
    throw refused();
  };
  const results = await Promise.allSettled([
    writer.run(fickle, () => {}, repeatable),
    writer.run(bad, () => t.fail('it is not committed'), repeatable),
  ]);
  t.match(results, [{ value: 1 }, isRefused], 'what is in the file is not answered with a refusal');
  t.equal(tables.counters.get([runId])?.finished, 1);
});

t.test('a full store refuses a write, whatever breaks off half-done beside it', async (t) => {
  const { tables, writer } = open(t, 1);
  const isFull = { status: 'rejected', reason: { code: 'RESOURCE_EXHAUSTED' } };
  const bad = () => {
    countedUp(tables);
    throw refused();
  };
  const results = await Promise.allSettled([
    writer.run(
      () => t.fail('it does not run'),
      () => t.fail('it is not committed'),
    ),
    writer.run(bad, () => t.fail('it is not committed'), { isRepeatable: true, relieves: true }),
  ]);
  t.match(results, [isFull, isRefused]);
  t.equal(tables.counters.get([runId]), undefined, 'nothing of either');
});
