/**
 * The configuration of a table, and the refusal of one that could never work: where inserts and samples would end up waiting for each other, or
 * samples for what cannot come. Pure; what the rules do is in item-table.ts and rate-limiter.ts.
 */
import { z } from 'zod';
import { key } from '../key-docs.js';
import { limiterKinds } from './rate-limiter.js';
import { itemSelectorKinds } from './selectors.js';

/** The table that training consumes: complete groups, each once. It is always there and has no configuration. */
export const trainingTableName = 'training';

const tableNamePattern = /^[a-z][a-z0-9-]{0,62}$/;

const rateLimiterSchema = z
  .strictObject({
    kind: key(z.enum(limiterKinds).default('min-size'), 'When inserts and samples wait: docs/replay.md', {
      alias: 'Reverb `MinSize`, `SampleToInsertRatio`, `Queue`, `Stack`',
    }),
    minSize: key(z.number().int().min(1).default(1), 'Items that must be there before any is sampled', {
      alias: 'Reverb `min_size_to_sample`',
    }),
    samplesPerInsert: key(z.number().positive().default(1), 'Samples per insert that `ratio` holds', {
      alias: 'Reverb `samples_per_insert`',
    }),
    errorBuffer: key(
      z.number().positive().default(1_000),
      'How far `ratio` may be off before samples or inserts wait, in samples',
      { alias: 'Reverb `error_buffer`' },
    ),
  })
  .prefault({});

const tableKeys = z.strictObject({
  sampler: key(z.enum(itemSelectorKinds).default('uniform'), 'Which item is sampled next', {
    alias: 'Reverb `sampler`',
  }),
  remover: key(z.enum(itemSelectorKinds).default('fifo'), 'Which item makes room when the table is full', {
    alias: 'Reverb `remover`',
  }),
  priorityExponent: key(z.number().min(0).max(16).default(1), 'Power to which `prioritized` raises priorities', {
    alias: 'Reverb `priority_exponent`',
  }),
  maxSize: key(z.number().int().min(1).max(10_000_000).default(1_000_000), 'Items at most', {
    alias: 'Reverb `max_size`',
  }),
  maxTimesSampled: key(
    z.number().int().min(0).max(0x7fffffff).default(0),
    'Times that an item is sampled before it is removed; 0: no bound',
    { alias: 'Reverb `max_times_sampled`' },
  ),
  maxBatch: key(
    z.number().int().min(1).max(1024).default(32),
    'Samples in one call at most: a call gets all that it asks for at once',
    {
      alias: 'Reverb `num_samples`, sampled one by one there',
    },
  ),
  rateLimiter: key(rateLimiterSchema, 'When inserts and samples wait'),
  fill: key(
    z.enum(['by-clients', 'trajectories', 'groups']).default('by-clients'),
    'What is inserted by itself, with priority 1: nothing, every trajectory that is scored, every group that is complete',
  ),
  seed: key(z.number().int().min(0).max(0xffffffff).default(0), 'Of the random choices'),
});

export type TableRules = z.output<typeof tableKeys>;

export const tableRulesSchema = tableKeys.superRefine((rules, context) => {
  for (const { path, message } of deadlocksOf(rules)) context.addIssue({ code: 'custom', path: [...path], message });
});

export const tablesSchema = z
  .record(z.string(), tableRulesSchema)
  .superRefine((tables, context) => {
    for (const name of Object.keys(tables)) {
      if (name === trainingTableName) {
        const message = 'is the table of complete groups that training consumes: choose another name';
        context.addIssue({ code: 'custom', path: [name], message });
      } else if (!tableNamePattern.test(name)) {
        const message = 'is no name of a table: 1 to 63 of [a-z0-9-], a letter first';
        context.addIssue({ code: 'custom', path: [name], message });
      }
    }
    if (Object.keys(tables).length > maxTables) {
      context.addIssue({ code: 'custom', message: `holds more than ${maxTables} tables` });
    }
  })
  .default({});

/** Each is a label of metrics. */
const maxTables = 64;

interface Refusal {
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Why a table could come to rest with somebody waiting for ever. With what passes, at every moment an insert or a full batch of samples is
 * possible: a test tries it with random rules and random calls.
 */
function deadlocksOf(rules: TableRules): Refusal[] {
  const { kind, minSize } = rules.rateLimiter;
  const found: Refusal[] = [];
  const refuse = (path: readonly string[], message: string) => void found.push({ path, message });
  if (rules.maxTimesSampled > 0 && rules.maxSize < rules.maxBatch) {
    refuse(
      ['maxSize'],
      `(${rules.maxSize}) is below maxBatch (${rules.maxBatch}) where maxTimesSampled (${rules.maxTimesSampled}) is bounded: ` +
        'samples could wait for the rest of a batch for ever',
    );
  }
  if ((kind === 'min-size' || kind === 'ratio') && minSize > rules.maxSize) {
    refuse(
      ['rateLimiter', 'minSize'],
      `(${minSize}) is above maxSize (${rules.maxSize}): the table would never hold enough to be sampled`,
    );
  }
  if (kind === 'queue' || kind === 'stack') refuseQueue(rules, refuse);
  if (kind === 'ratio') refuseRatio(rules, refuse);
  if (rules.fill !== 'by-clients' && kind !== 'min-size') {
    refuse(
      ['fill'],
      `(${rules.fill}) cannot wait for samples, but rateLimiter.kind (${kind}) holds inserts up: choose min-size, or fill by-clients`,
    );
  }
  return found;
}

type Refuse = (path: readonly string[], message: string) => void;

function refuseQueue({ rateLimiter: { kind }, sampler, maxTimesSampled }: TableRules, refuse: Refuse) {
  const order = kind === 'queue' ? 'fifo' : 'lifo';
  if (sampler !== order) refuse(['sampler'], `must be ${order} where rateLimiter.kind is ${kind}, got ${sampler}`);
  if (maxTimesSampled !== 1) {
    refuse(
      ['maxTimesSampled'],
      `must be 1 where rateLimiter.kind is ${kind}, got ${maxTimesSampled}: nothing would leave it`,
    );
  }
}

/**
 * An insert moves the balance by samplesPerInsert, a batch back by its size: the buffer on both sides together must hold one of each, or
 * both may have to wait. Items that are used up before their ratio is reached would leave nothing to sample.
 */
function refuseRatio({ rateLimiter, maxTimesSampled, maxBatch }: TableRules, refuse: Refuse) {
  const { samplesPerInsert, errorBuffer, minSize } = rateLimiter;
  const needed = Math.max(1, samplesPerInsert, (samplesPerInsert + maxBatch) / 2);
  if (errorBuffer < needed) {
    refuse(
      ['rateLimiter', 'errorBuffer'],
      `(${errorBuffer}) must be at least ${needed} with samplesPerInsert ${samplesPerInsert} and maxBatch ${maxBatch}: ` +
        'inserts and samples could wait for each other',
    );
  }
  if (maxTimesSampled === 0) return;
  if (maxTimesSampled < samplesPerInsert) {
    refuse(
      ['maxTimesSampled'],
      `(${maxTimesSampled}) is below rateLimiter.samplesPerInsert (${samplesPerInsert}): items are gone before the ratio is reached`,
    );
  }
  if (minSize < maxBatch) {
    refuse(
      ['rateLimiter', 'minSize'],
      `(${minSize}) is below maxBatch (${maxBatch}) where maxTimesSampled (${maxTimesSampled}) is bounded: ` +
        'the items that are left may not be good for a batch while inserts wait',
    );
  }
}
