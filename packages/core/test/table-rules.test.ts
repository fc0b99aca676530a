/** Rules of tables that are refused, each by the names of the keys that contradict each other. */
import { parseConfig, replayConfigSchema } from '@segue/core';
import t from 'tap';

function refusal(table: unknown, name = 'recent'): string {
  try {
    parseConfig(replayConfigSchema, { tables: { [name]: table } }, 'replay.yaml');
  } catch (error) {
    return String(error);
  }
  return 'not refused';
}

t.test('what can never work is refused when it is given', async (t) => {
  const ratio = { kind: 'ratio', samplesPerInsert: 4 };
  const refused: [rules: object, message: RegExp][] = [
    [{ maxSize: 10, rateLimiter: { minSize: 11 } }, /recent\.rateLimiter\.minSize \(11\) is above maxSize \(10\)/],
    [{ maxSize: 10, rateLimiter: { ...ratio, minSize: 11 } }, /minSize \(11\) is above maxSize \(10\)/],
    [
      { maxBatch: 1, rateLimiter: { ...ratio, errorBuffer: 3 } },
      /recent\.rateLimiter\.errorBuffer \(3\) must be at least 4 with samplesPerInsert 4 and maxBatch 1/,
    ],
    [
      { maxBatch: 16, rateLimiter: { ...ratio, errorBuffer: 9 } },
      /errorBuffer \(9\) must be at least 10 .* maxBatch 16/,
    ],
    [
      { maxBatch: 1, maxTimesSampled: 2, rateLimiter: ratio },
      /recent\.maxTimesSampled \(2\) is below rateLimiter\.samplesPerInsert \(4\)/,
    ],
    [
      { maxBatch: 8, maxTimesSampled: 9, rateLimiter: { ...ratio, minSize: 4 } },
      /rateLimiter\.minSize \(4\) is below maxBatch \(8\) where maxTimesSampled \(9\) is bounded/,
    ],
    [
      { sampler: 'fifo', maxTimesSampled: 1, maxSize: 8, maxBatch: 9, rateLimiter: { kind: 'queue' } },
      /recent\.maxSize \(8\) is below maxBatch \(9\)/,
    ],
    [
      { sampler: 'lifo', maxTimesSampled: 1, rateLimiter: { kind: 'queue' } },
      /recent\.sampler must be fifo where rateLimiter\.kind is queue, got lifo/,
    ],
    [
      { sampler: 'lifo', rateLimiter: { kind: 'stack' } },
      /recent\.maxTimesSampled must be 1 where rateLimiter\.kind is stack/,
    ],
    [
      { fill: 'groups', sampler: 'fifo', maxTimesSampled: 1, rateLimiter: { kind: 'queue' } },
      /recent\.fill \(groups\) cannot wait .*rateLimiter\.kind \(queue\)/,
    ],
    [{ sampler: 'best' }, /recent\.sampler is refused/],
    [{ size: 4 }, /recent has unknown key "size"/],
    [{ rateLimiter: { minSize: 0 } }, /recent\.rateLimiter\.minSize is refused/],
  ];
  for (const [rules, message] of refused) t.match(refusal(rules), message);
  t.match(refusal({}, 'training'), /tables\.training is the table of complete groups/);
  t.match(refusal({}, 'Big Table'), /tables\.Big Table is no name of a table/);
});

t.test('what can work passes, with its defaults', async (t) => {
  t.equal(refusal({}), 'not refused');
  t.equal(
    refusal({ rateLimiter: { kind: 'ratio', samplesPerInsert: 4, minSize: 100, errorBuffer: 18 } }),
    'not refused',
  );
  const queue = { sampler: 'fifo', maxTimesSampled: 1, maxSize: 32, rateLimiter: { kind: 'queue' } };
  const { tables } = parseConfig(replayConfigSchema, { tables: { queue } }, 'replay.yaml');
  t.match(tables.queue, {
    maxBatch: 32,
    remover: 'fifo',
    fill: 'by-clients',
    rateLimiter: { kind: 'queue', minSize: 1 },
  });
  t.strictSame(
    parseConfig(replayConfigSchema, {}, 'replay.yaml').tables,
    {},
    'none but training without configuration',
  );
});
