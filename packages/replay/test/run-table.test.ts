/** One table alone, over a real file: a turn that breaks off after it has changed the table is undone in memory as on disk. What stores do with tables is items.test.ts. */
import { SegueError, tablesSchema } from '@segue/core';
import t from 'tap';
import { RunTable } from '../src/items/run-table.js';
import { openTables } from '../src/tables.js';
import { Writer } from '../src/writer.js';
import { removeFolder, runId, temporaryFolder } from './support/fixtures.js';

const itemOf = (key: string) => ({ key, ref: `${runId}-g0-t0`, priority: 1 });

t.test('a turn that breaks off half done is undone, and the next one begins from the disk', async (t) => {
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
