/** Tables of items: every selector and limiter against a naive one, draws against their probabilities, and a table built anew in the middle. */
import {
  type ItemSelectorKind,
  ItemTable,
  itemSelectorKinds,
  SeededRandom,
  SumTree,
  type TableItem,
  type TableRules,
  tableRulesSchema,
} from '@segue/core';
import t, { type Test } from 'tap';
import { naiveMayInsert, naiveMaySample, naiveProbabilities } from './support/naive-table.js';

type Changes = Partial<Record<keyof TableRules, unknown>>;

function rulesOf(changes: Changes = {}): TableRules {
  return tableRulesSchema.parse({ maxBatch: 1, ...changes });
}

/** A table beside the plain list of what it should hold. */
class Mirrored {
  readonly rules: TableRules;
  readonly random: SeededRandom;
  table: ItemTable;
  items: TableItem[] = [];
  #keys = 0;

  constructor(rules: TableRules, seed: number) {
    this.rules = rules;
    this.random = new SeededRandom(seed, 'calls');
    this.table = new ItemTable(rules, 'mirrored');
  }

  anyKey(): string {
    return this.items[this.random.below(this.items.length)]?.key ?? 'nobody';
  }

  insert(t: Test): void {
    const full = this.items.length >= this.rules.maxSize;
    const before = naiveProbabilities(this.items, this.rules.remover, this.rules.priorityExponent);
    const priority = this.random.below(4) / 2;
    const { item, removed } = this.table.insert({ key: `k${this.#keys++}`, ref: 'r-g0', priority });
    if (removed.length !== (full ? 1 : 0)) t.fail(`${removed.length} made room`);
    for (const { key } of removed) {
      const at = this.items.findIndex((one) => one.key === key);
      if (!(before[at]! > 0)) t.fail(`${this.rules.remover} removed ${key}, whose probability is ${before[at]}`);
      this.items.splice(at, 1);
    }
    this.items.push(item);
  }

  sample(t: Test, count: number): void {
    const { draws, removed } = this.table.sample(count);
    if (draws.length !== count) t.fail(`${draws.length} draws instead of ${count}`);
    const gone: string[] = [];
    for (const { item, probability, size } of draws) {
      const expected = naiveProbabilities(this.items, this.rules.sampler, this.rules.priorityExponent);
      const at = this.items.findIndex(({ key }) => key === item.key);
      const [before] = this.items.slice(at, at + 1);
      if (at < 0 || Math.abs(probability - expected[at]!) > 1e-12 || probability === 0) {
        t.fail(`${this.rules.sampler} drew ${item.key} with ${probability}, expected ${expected[at]}`);
      }
      if (size !== this.items.length) t.fail(`among ${size}, not ${this.items.length}`);
      if (item.timesSampled !== before!.timesSampled + 1) t.fail('the draw is not counted');
      this.items[at] = item;
      if (item.timesSampled !== this.rules.maxTimesSampled) continue;
      this.items.splice(at, 1);
      gone.push(item.key);
    }
    if (removed.map(({ key }) => key).join() !== gone.join()) t.fail(`${gone.join()} are used up`);
  }

  update(): void {
    const key = this.anyKey();
    const item = this.table.update(key, this.random.below(4) / 2);
    const at = this.items.findIndex((one) => one.key === key);
    if (item !== undefined) this.items[at] = item;
  }

  remove(): void {
    const key = this.anyKey();
    this.table.remove(key);
    this.items = this.items.filter((one) => one.key !== key);
  }

  step(t: Test): void {
    const call = this.random.below(10);
    if (call < 5 || this.items.length === 0) this.insert(t);
    else if (call < 7) this.sample(t, 1 + this.random.below(Math.min(3, this.items.length)));
    else if (call < 9) this.update();
    else this.remove();
  }

  /** Read again as from a disk. */
  rebuilt(): ItemTable {
    return new ItemTable(this.rules, 'mirrored', this.items, this.table.counters);
  }
}

t.test('what is not fit is taken out when a draw meets it, and counts as no sample', async (t) => {
  const rules = rulesOf({ sampler: 'uniform', maxTimesSampled: 3, maxBatch: 8 });
  const table = new ItemTable(rules, 'some');
  for (const key of ['a', 'b', 'c', 'd']) table.insert({ key, ref: key, priority: 1 });
  const chances: [probability: number, size: number][] = [];
  let stale = 0;
  while (table.size > 0) {
    const { draws, removed } = table.sample(2, ({ ref }) => ref !== 'c');
    stale += removed.filter(({ key }) => key === 'c').length;
    for (const { item, probability, size } of draws) {
      t.not(item.key, 'c');
      chances.push([probability, size]);
    }
  }
  t.equal(stale, 1);
  t.equal(chances.length, 9, 'three items, each good for three');
  for (const [probability, size] of chances) t.equal(probability, 1 / size);
  t.match(table.counters, { samples: 9, removed: { stale: 1, 'max-times-sampled': 3 } });
});

t.test('every sampler with every remover chooses what a naive table may choose', async (t) => {
  let seed = 0;
  for (const sampler of itemSelectorKinds) {
    for (const remover of itemSelectorKinds) {
      for (const maxTimesSampled of [0, 1, 2]) {
        const pair = { sampler, remover, maxSize: 12, maxTimesSampled, priorityExponent: 1.5 };
        const mirrored = new Mirrored(rulesOf(pair), seed++);
        for (let i = 0; i < 150; i++) mirrored.step(t);
        t.equal(mirrored.table.size, mirrored.items.length, `${sampler}, ${remover}, ${maxTimesSampled}`);
        const kept = mirrored.items.map(({ key }) => mirrored.table.item(key));
        t.strictSame(kept, mirrored.items);
      }
    }
  }
});

t.test('a table that was built anew goes on as if nothing had happened', async (t) => {
  for (const sampler of itemSelectorKinds) {
    const mirrored = new Mirrored(
      rulesOf({ sampler, remover: 'uniform', maxSize: 40, maxTimesSampled: 5, seed: 3 }),
      11,
    );
    for (let i = 0; i < 400; i++) mirrored.step(t);
    const other = mirrored.rebuilt();
    const goOn = (table: ItemTable) =>
      Array.from({ length: 50 }, (_, i) => {
        if (i % 3 === 0)
          return table.insert({ key: `n${i}`, ref: 'r-g0', priority: (i % 5) / 2 }).removed.map(({ key }) => key);
        return table
          .sample(2)
          .draws.map(({ item, probability }) => [item.key, item.timesSampled, probability.toFixed(12)]);
      });
    t.strictSame(goOn(other), goOn(mirrored.table), sampler);
    t.strictSame(other.counters, mirrored.table.counters);
  }
});

t.test('more items than the first slots hold, taken out at both ends and in the middle', async (t) => {
  for (const [sampler, kind] of [
    ['fifo', 'queue'],
    ['lifo', 'stack'],
  ] as const) {
    const table = new ItemTable(
      rulesOf({ sampler, maxTimesSampled: 1, maxSize: 4_000, rateLimiter: { kind } }),
      'ends',
    );
    const expected: string[] = [];
    for (let i = 0; i < 20_000; i++) {
      const grows = table.size < 10 || (i % 5_000 < 3_000 && table.size < 4_000);
      if (grows) {
        table.insert({ key: `k${i}`, ref: 'r-g0', priority: 1 });
        expected.push(`k${i}`);
      } else {
        const [draw] = table.sample(1).draws;
        const next = kind === 'queue' ? expected.shift() : expected.pop();
        if (draw?.item.key !== next) t.fail(`${kind} gave ${draw?.item.key}, not ${next}`);
      }
    }
    t.equal(table.size, expected.length);
    t.ok(table.size > 1_500);
  }
});

t.test('draws come as often as their probabilities say', async (t) => {
  for (const [sampler, exponent] of [
    ['uniform', 1],
    ['prioritized', 1],
    ['prioritized', 0.5],
  ] as const) {
    const table = new ItemTable(rulesOf({ sampler, priorityExponent: exponent, maxBatch: 1000, seed: 5 }), 'often');
    const count = 50;
    for (let i = 0; i < count; i++) table.insert({ key: `k${i}`, ref: 'r-g0', priority: i });
    // Some are changed, some are gone: the frequencies are those of what is left.
    for (let i = 10; i < 20; i++) table.update(`k${i}`, 3);
    for (let i = 20; i < 30; i++) table.remove(`k${i}`);
    const seen = new Map<string, { times: number; probability: number }>();
    const draws = 200_000;
    for (let i = 0; i < draws; i += 1000) {
      for (const { item, probability } of table.sample(1000).draws) {
        seen.set(item.key, { times: (seen.get(item.key)?.times ?? 0) + 1, probability });
      }
    }
    const total = [...seen.values()].reduce((sum, { probability }) => sum + probability, 0);
    t.ok(Math.abs(total - 1) < 1e-9, 'the probabilities of all items add up to one');
    t.equal(seen.has('k0'), sampler === 'uniform', 'priority 0 is not drawn beside others');
    let chiSquare = 0;
    for (const { times, probability } of seen.values()) {
      chiSquare += (times - draws * probability) ** 2 / (draws * probability);
    }
    // 39 degrees of freedom at most: 72.1 is the value that chance passes once in a thousand.
    t.ok(chiSquare < 72.1, `chi square ${chiSquare.toFixed(1)}`);
  }
});

t.test('items of priority zero are drawn evenly while there are no others', async (t) => {
  const table = new ItemTable(rulesOf({ sampler: 'prioritized' }), 'zero');
  for (const key of ['a', 'b', 'c']) table.insert({ key, ref: 'r-g0', priority: 0 });
  const { draws } = table.sample(60);
  t.same(new Set(draws.map(({ item }) => item.key)), new Set(['a', 'b', 'c']));
  t.ok(draws.every(({ probability }) => probability === 1 / 3));
  table.insert({ key: 'd', ref: 'r-g0', priority: 0.1 });
  t.match(table.sample(1).draws, [{ item: { key: 'd' }, probability: 1 }]);
  table.update('d', 0);
  t.equal(table.sample(1).draws[0]?.probability, 1 / 4);
  for (const priority of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => table.update('a', priority), { code: 'INVALID_INPUT', message: /priority of item a/ });
  }
});

t.test('a sum tree finds the place of every point, never one that weighs nothing', async (t) => {
  const weights = [0, 0.25, 0, 0.5, 1, 0, 0];
  const tree = new SumTree(3, weights.slice(0, 2));
  const grown = new SumTree(weights.length, weights);
  t.equal(tree.total, 0.25);
  t.strictSame(
    [0, 0.2499, 0.25, 0.7499, 0.75, 1.7499].map((point) => grown.find(point)),
    [1, 1, 3, 3, 4, 4],
  );
  t.equal(grown.find(2), 4, 'a point past the end through rounding');
  grown.set(4, 0);
  t.strictSame(
    [0.3, 0.8].map((point) => grown.find(point)),
    [3, 3],
  );
  t.throws(() => new SumTree(4).find(0), { code: 'INTERNAL' });
});

/** Random rules; about half of them are refused. */
function randomRules(random: SeededRandom): unknown {
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!;
  const kind = pick(['min-size', 'ratio', 'ratio', 'queue', 'stack'] as const);
  const isQueue = (kind === 'queue' || kind === 'stack') && random.below(8) > 0;
  const sampler: ItemSelectorKind = isQueue ? (kind === 'queue' ? 'fifo' : 'lifo') : pick(itemSelectorKinds);
  return {
    sampler,
    remover: pick(itemSelectorKinds),
    maxSize: 1 + random.below(9),
    maxTimesSampled: isQueue ? 1 : random.below(5),
    maxBatch: 1 + random.below(6),
    rateLimiter: {
      kind,
      minSize: 1 + random.below(7),
      samplesPerInsert: pick([0.3, 0.5, 1, 1.7, 3, 4.5]),
      errorBuffer: pick([0.5, 1, 1.5, 2, 3, 4.5, 7]),
    },
  };
}

t.test(
  'with rules that pass, an insert or a full batch is possible at every moment, as the naive limiter says',
  async (t) => {
    const random = new SeededRandom(1, 'rules');
    let passed = 0;
    for (let round = 0; round < 3_000; round++) {
      const parsed = tableRulesSchema.safeParse(randomRules(random));
      if (!parsed.success) continue;
      passed++;
      const rules = parsed.data;
      const mirrored = new Mirrored(rules, round);
      for (let i = 0; i < 60; i++) {
        const { inserts, samples } = mirrored.table.counters;
        const mayInsert = mirrored.table.insertBlocker() === null;
        const maySample = mirrored.table.sampleBlocker(rules.maxBatch) === null;
        const counts = { inserts, samples, batch: rules.maxBatch };
        const naive = [
          naiveMayInsert(rules.rateLimiter, rules.maxSize, mirrored.items.length, inserts, samples),
          naiveMaySample(rules.rateLimiter, mirrored.items, rules.maxTimesSampled, counts),
        ];
        if (mayInsert !== naive[0] || maySample !== naive[1]) {
          t.fail(`insert ${mayInsert}, sample ${maySample}, naive ${naive.join()}: ${JSON.stringify(rules)}`);
        }
        if (!mayInsert && !maySample) {
          t.fail(`deadlock after ${i} calls: ${JSON.stringify({ rules, level: mirrored.table.level })}`);
          return;
        }
        // Runs of one kind of call, so that the limits are met; now and then a caller takes something out.
        const wantsInsert = (i >> 3) % 2 === round % 2;
        if (random.below(12) === 0) mirrored.remove();
        else if (mayInsert && (wantsInsert || !maySample)) mirrored.insert(t);
        else mirrored.sample(t, rules.maxBatch);
      }
    }
    t.ok(passed > 500, `${passed} of 3000 rules passed`);
  },
);

t.test('the words of the limiter say what is waited for', async (t) => {
  const ratio = new ItemTable(
    rulesOf({ rateLimiter: { kind: 'ratio', minSize: 2, samplesPerInsert: 2, errorBuffer: 2 } }),
    'ratio',
  );
  t.match(ratio.sampleBlocker(1), /holds 0, its minimum size is 2/);
  for (const key of ['a', 'b', 'c']) {
    t.equal(ratio.insertBlocker(), null);
    ratio.insert({ key, ref: 'r-g0', priority: 1 });
  }
  t.match(ratio.insertBlocker(), /samples: .*would be 4, above errorBuffer 2/);
  ratio.sample(4);
  t.equal(ratio.insertBlocker(), null);
  t.match(ratio.sampleBlocker(1), /inserts: .*would be -3, below -errorBuffer -2/);
  const queue = new ItemTable(
    rulesOf({ sampler: 'fifo', maxTimesSampled: 1, maxSize: 2, rateLimiter: { kind: 'queue' } }),
    'q',
  );
  for (const key of ['a', 'b']) queue.insert({ key, ref: 'r-g0', priority: 1 });
  t.match(queue.insertBlocker(), /room: it holds 2 items, its maxSize/);
  t.match(queue.sampleBlocker(3), /may be sampled 2 times more, 3 samples/);
});

t.test('a priority whose power is no number is refused; one of before is drawn like the greatest', (t) => {
  const rules = rulesOf({ sampler: 'prioritized', priorityExponent: 4, maxBatch: 1 });
  const table = new ItemTable(rules, 'steep');
  t.throws(() => table.insert({ key: 'a', ref: 'r-g0', priority: 1e80 }), {
    code: 'INVALID_INPUT',
    message: /at most/,
  });
  t.doesNotThrow(() =>
    new ItemTable(rulesOf({ sampler: 'uniform' }), 'even').insert({ key: 'a', ref: 'r-g0', priority: 1e80 }),
  );
  const item = { ref: 'r-g0', priority: 1e80, timesSampled: 0, touched: 0 };
  const before = new ItemTable(rules, 'steep', [
    { ...item, key: 'a', sequence: 0 },
    { ...item, key: 'b', sequence: 1 },
  ]);
  t.match(before.sample(1).draws, [{ probability: 0.5 }]);
  t.end();
});
