/** Repeat detection: what it finds, what it must not, and that it costs the same per token. */
import { RepeatDetector, type RepeatRule, requireRepeatRule, SeededRandom, SegueError } from '@segue/core';
import t from 'tap';

const rule: RepeatRule = { maxPeriod: 16, minRepeats: 4, minTokens: 24 };

/** Number of tokens after which the detector fires, or null. */
function firesAfter(tokens: readonly number[], r: RepeatRule = rule): number | null {
  const detector = new RepeatDetector(r);
  const at = tokens.findIndex((token) => detector.push(token));
  return at < 0 ? null : at + 1;
}

/** The rule as its text says it, without any incremental state. */
function repeats(tokens: readonly number[], r: RepeatRule): boolean {
  for (let period = 1; period <= r.maxPeriod; period++) {
    let tail = period;
    while (tail < tokens.length && tokens[tokens.length - 1 - tail] === tokens[tokens.length - 1 - tail + period])
      tail++;
    if (tail <= tokens.length && tail > period && tail >= r.minTokens && tail >= r.minRepeats * period) return true;
  }
  return false;
}

const text = (s: string) => [...s].map((c) => c.charCodeAt(0));
const cycle = (period: number, length: number, first = 100) => Array.from({ length }, (_, i) => first + (i % period));

t.test('repeat fires when the tail is periodic over enough periods and tokens', async (t) => {
  t.equal(firesAfter(cycle(1, 100)), 24, 'minTokens decides for a short period');
  t.equal(firesAfter(cycle(6, 100)), 24, 'both bounds are met together');
  t.equal(firesAfter(cycle(10, 100)), 40, 'minRepeats decides for a long period');
  t.equal(firesAfter(cycle(16, 100)), 64, 'the longest period is looked for');
  t.equal(firesAfter(cycle(17, 400)), null, 'a longer one is not');
  t.equal(firesAfter([...text('well then '), ...cycle(6, 100)]), 10 + 24, 'what comes before does not count');
});

t.test('repeat does not fire on text that only looks alike', async (t) => {
  const counting = Array.from({ length: 400 }, (_, i) => `${i + 1} `).join('');
  t.equal(firesAfter(text(counting)), null, 'a counting sequence, by characters');
  t.equal(
    firesAfter(Array.from({ length: 800 }, (_, i) => (i % 2 === 0 ? 1000 + i / 2 : 7))),
    null,
    'counting, by words',
  );
  const random = new SeededRandom(7, 'table');
  const table = Array.from({ length: 200 }, (_, i) => `| row | ${i % 10} | ${100 + random.below(900)} |\n`).join('');
  t.equal(firesAfter(text(table)), null, 'a table with changing numbers');
  const steps = Array.from({ length: 90 }, (_, i) => `${990 - 11 * i}-11=${979 - 11 * i};`).join('');
  t.equal(firesAfter(text(steps)), null, 'steps of one calculation');
  t.equal(
    firesAfter([...cycle(5, 23), 1, ...cycle(5, 23), 1, ...cycle(5, 23)]),
    null,
    'one other token starts the count anew',
  );
});

t.test('repeat agrees with the rule applied to the whole text at once', async (t) => {
  const random = new SeededRandom(11, 'repeat');
  for (let round = 0; round < 60; round++) {
    const r = { maxPeriod: 1 + random.below(9), minRepeats: 2 + random.below(3), minTokens: 2 + random.below(14) };
    const detector = new RepeatDetector(r);
    const tokens: number[] = [];
    const found: boolean[] = [];
    const expected: boolean[] = [];
    for (let i = 0; i < 80; i++) {
      const period = 1 + random.below(9);
      tokens.push(i >= period && random.next() < 0.9 ? tokens[i - period]! : random.below(3));
      found.push(detector.push(tokens[i]!));
      expected.push(repeats(tokens, r));
    }
    t.same(found, expected, `round ${round}`);
  }
});

t.test('repeat is continued across segments by feeding the earlier tokens again', async (t) => {
  const tokens = [...text('so '), ...cycle(7, 60)];
  const whole = firesAfter(tokens)!;
  for (const cut of [0, 1, 10, whole - 1]) {
    const resumed = new RepeatDetector(rule);
    t.notOk(tokens.slice(0, cut).some((token) => resumed.push(token)));
    const at = tokens.slice(cut).findIndex((token) => resumed.push(token));
    t.equal(cut + at + 1, whole, `after a cut at ${cut}`);
    t.equal(resumed.period, 7);
  }
});

t.test('repeat refuses rules that could fire on anything', async (t) => {
  const bad: RepeatRule[] = [
    { ...rule, maxPeriod: 0 },
    { ...rule, maxPeriod: 5000 },
    { ...rule, minRepeats: 1 },
    { ...rule, minTokens: 1.5 },
  ];
  for (const r of bad) {
    t.throws(() => requireRepeatRule(r), SegueError);
    t.throws(() => new RepeatDetector(r), /repeat\./);
  }
});
