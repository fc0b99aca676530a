/**
 * One table alone, over a real file: a turn that breaks off after it has changed the table is undone in memory as on disk; whom a turn serves is answered one after the
 * other. What stores do with tables is items.test.ts.
 */
import { SegueError, tablesSchema } from '@segue/core';
import t, { type Test } from 'tap';
import { RunTable } from '../src/items/run-table.js';
import { openTables } from '../src/tables.js';
import { Writer } from '../src/writer.js';
import { removeFolder, runId, temporaryFolder } from './support/fixtures.js';

const itemOf = (key: string) => ({ key, ref: `${runId}-g0-t0`, priority: 1 });

/** Items are drawn once each, oldest first. */
function openTable(t: Test) {
  const folder = temporaryFolder();
  const tables = openTables(folder);
  t.teardown(async () => {
    await tables.close();
    removeFolder(folder);
  });
  const { some: rules } = tablesSchema.parse({ some: { sampler: 'fifo', maxBatch: 2, maxTimesSampled: 1 } });
  if (rules === undefined) throw new SegueError('INTERNAL', 'the schema lost a table');
  const table = new RunTable({
    ...{ runId, name: 'some', rules, tables, writer: new Writer(tables, { maxStoreBytes: 1e9 }), maxWaitingCalls: 8 },
    onTurn: () => {},
    isFit: () => true,
    onDamage: ({ what }) => t.fail(`${what} is damaged`),
  });
  return { table, tables };
}

/** Longer than a timer of 1 ms, which fires as soon as the event loop goes on. */
function stand(): void {
  const endMs = performance.now() + 5;
  while (performance.now() < endMs);
}

t.test('a turn that breaks off half done is undone, and the next one begins from the disk', async (t) => {
  const { table, tables } = openTable(t);
  await table.insert([itemOf('first')], { waitMs: 0 });
  const before = table.statistics();

  const refused = new SegueError('INVALID_INPUT', 'no');
  const waits = table.sample(2, { waitMs: 60_000 });
  const outcomes = await Promise.allSettled([
    table.removeItems(['first']),
    table.fill(itemOf('second'), () => {
      throw refused;
    }),
  ]);
  for (const outcome of outcomes) t.match(outcome, { status: 'rejected', reason: { code: 'INVALID_INPUT' } });
  t.match(
    table.statistics(),
    { ...before, sampleCalls: { waiting: 1 } },
    'neither the removal nor the insert is there',
  );
  t.strictSame(tables.items.keys([]), [[runId, 'some', 0]]);

  await table.insert([itemOf('third')], { waitMs: 0 });
  t.match(await waits, [{ item: { key: 'first' } }, { item: { key: 'third' } }], 'who waited meanwhile is served');
  t.ok(table.isIdle);
});

t.test('calls of one turn are answered one after the other', async (t) => {
  const { table } = openTable(t);
  await table.insert(['a', 'b', 'c', 'd'].map(itemOf), { waitMs: 0 });
  const steps: string[] = [];
  const read = async (name: string) => {
    const [draw] = await table.sample(1, { waitMs: 0 });
    steps.push(`${name} gets ${draw?.item.key}`);
    for (let step = 0; step < 100; step++) await null;
    steps.push(`${name} has read it`);
  };
  await Promise.all([read('first'), read('second')]);
  t.same(steps, ['first gets a', 'first has read it', 'second gets b', 'second has read it']);
});

t.test('a call whose time is over while others are answered is served if it can be', async (t) => {
  const { table } = openTable(t);
  await table.insert(['a', 'b', 'c'].map(itemOf), { waitMs: 0 });
  const later = (waitMs: number) => {
    const call = table.sample(1, { waitMs });
    stand();
    return call;
  };
  const inTime = table.sample(1, { waitMs: 0 }).then(() => later(1));
  await table.sample(1, { waitMs: 0 });
  t.match(await inTime, [{ item: { key: 'c' } }]);

  await table.insert([itemOf('d')], { waitMs: 0 });
  const inVain = table.sample(1, { waitMs: 0 }).then(() => later(1));
  await t.rejects(inVain, { code: 'DEADLINE_EXCEEDED', message: /waited 1 ms for items/ });
  t.ok(table.isIdle);
});
