/** A prioritised table of a million items in memory: how long it takes to make, to draw from, to change, and whether draws come as often as they should. */
import { ItemTable, SeededRandom, tableRulesSchema } from '@segue/core';

const items = 1_000_000;
const operations = 300_000;
const bins = 1_000;

const perSecond = (count, begin) => Math.round((count / (performance.now() - begin)) * 1000);

export function measureMillionItems() {
  const rules = tableRulesSchema.parse({ sampler: 'prioritized', maxBatch: 32, maxSize: items, seed: 1 });
  const random = new SeededRandom(1, 'million');
  // Priorities over three orders of magnitude; a bin is a thousand neighbours.
  const priorities = Float64Array.from({ length: items }, () => 10 ** (3 * random.next()));

  let begin = performance.now();
  const table = new ItemTable(rules, 'million');
  for (let i = 0; i < items; i++) table.insert({ key: `run-g${i}`, ref: `run-g${i}`, priority: priorities[i] });
  const insertsPerSecond = perSecond(items, begin);

  const kept = Array.from({ length: items }, (_, i) => table.item(`run-g${i}`));
  begin = performance.now();
  const rebuilt = new ItemTable(rules, 'million', kept, table.counters);
  const buildMs = Math.round(performance.now() - begin);

  const total = priorities.reduce((sum, priority) => sum + priority, 0);
  const expected = new Float64Array(bins);
  for (let i = 0; i < items; i++) expected[i % bins] += (priorities[i] / total) * operations;
  const seen = new Float64Array(bins);
  let worstProbability = 0;
  begin = performance.now();
  for (let i = 0; i < operations; i += 32) {
    for (const { item, probability } of rebuilt.sample(Math.min(32, operations - i)).draws) {
      seen[item.sequence % bins]++;
      worstProbability = Math.max(worstProbability, Math.abs((probability * total) / item.priority - 1));
    }
  }
  const samplesPerSecond = perSecond(operations, begin);

  begin = performance.now();
  for (let i = 0; i < operations; i++) rebuilt.update(`run-g${random.below(items)}`, 10 ** (3 * random.next()));
  const updatesPerSecond = perSecond(operations, begin);

  const chiSquare = seen.reduce((sum, count, bin) => sum + (count - expected[bin]) ** 2 / expected[bin], 0);
  // 999 degrees of freedom: mean 999, and above 1143 once in a thousand times.
  return {
    items,
    insertsPerSecond,
    buildMs,
    samplesPerSecond,
    updatesPerSecond,
    chiSquare: Number(chiSquare.toFixed(1)),
    chiSquareLimit: 1143,
    worstProbabilityError: worstProbability,
  };
}
