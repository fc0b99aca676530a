/**
 * Malformed messages for every queue of the bus: bodies that are no msgpack, of another version, with a field missing or of another type, with a checksum that is not theirs,
 * in parts that cannot be. Each has a subject of its own, by which it is found among the dead letters. None is about a run that exists.
 */
import { isId, type SeededRandom } from '@segue/core';
import { Packr } from 'msgpackr';
import { headers, type MsgHdrs } from 'nats';
import { z } from 'zod';
import { checksum, encodeBody } from '../../../packages/bus/dist/stream/codec.js';
import {
  rewardTaskFormat,
  rolloutTaskFormat,
  scoreFormat,
  segmentFormat,
} from '../../../packages/bus/dist/stream/messages.js';
import { partHeader } from '../../../packages/bus/dist/stream/parts.js';
import { checksumHeader, queues } from '../../../packages/bus/dist/stream/subjects.js';
import { rolloutTask, score, segment } from '../../../packages/bus/test/samples.js';
import { damaged, flipBits, randomBytes } from './bytes.js';
import { type Case, pick } from './cases.js';

export type QueueName = keyof typeof queues;
export const queueNames = ['rollout', 'reward', 'segments', 'scores'] as const satisfies readonly QueueName[];

export interface MalformedMessage {
  readonly name: string;
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: MsgHdrs;
}

const packr = new Packr({ useRecords: false });
const runId = 'fuzz';
const trajectoryId = 'fuzz-g0-t0';

const valid: Readonly<Record<QueueName, Uint8Array>> = {
  rollout: encodeBody(rolloutTaskFormat.write({ ...rolloutTask, runId, trajectoryId, groupId: 'fuzz-g0' })),
  reward: encodeBody(rewardTaskFormat.write({ runId, trajectoryId, attempt: 0 })),
  segments: encodeBody(segmentFormat.write({ runId, segment: { ...segment, id: 'fuzz-g0-t0-s0', trajectoryId } })),
  scores: encodeBody(scoreFormat.write({ runId, score: { ...score, trajectoryId } })),
};

type Making = (random: SeededRandom, body: Buffer) => Uint8Array;

/** Values that are of no field's type, or beyond what a field may hold. */
const wrongValues: readonly unknown[] = [
  null,
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  2n ** 63n,
  '',
  '../../etc',
  'a b',
  [],
  {},
  [[[]]],
  true,
  new Date(0),
  new Uint8Array(3),
  new Set([1]),
  new Map([[1, 2]]),
  new Error('no'),
];

function withChange(
  random: SeededRandom,
  body: Uint8Array,
  change: (map: Record<string, unknown>, key: string) => void,
): Uint8Array {
  const whole: unknown = packr.unpack(body);
  let map = asRecord(whole);
  // Into a nested map, one time in two.
  const nested = Object.values(map).filter(
    (value) => typeof value === 'object' && value !== null && !ArrayBuffer.isView(value),
  );
  if (nested.length > 0 && random.below(2) === 0) map = asRecord(pick(random, nested));
  change(map, pick(random, Object.keys(map)));
  return packr.pack(whole);
}

function asRecord(value: unknown): Record<string, unknown> {
  if (!isRecord(value)) throw new Error('a body is a map');
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Bodies that come with their own checksum. */
const bodyMakings: readonly Making[] = [
  damaged,
  damaged,
  damaged,
  (random) => randomBytes(random, 400),
  (random, body) => withChange(random, body, (map, key) => void delete map[key]),
  (random, body) =>
    withChange(random, body, (map, key) => {
      map[key] = pick(random, wrongValues);
    }),
  (random, body) =>
    withChange(random, body, (map, key) => {
      map[key] = pick(random, wrongValues);
    }),
  (random, body) => packr.pack({ ...asRecord(packr.unpack(body)), v: pick(random, [0, 2, 99, '1', null, -1, 1.5]) }),
  // Lists and maps and texts that say that they hold four billion.
  (random) => Uint8Array.from([pick(random, [0xdd, 0xdf, 0xdb, 0xc6, 0xc9]), 0xff, 0xff, 0xff, 0xff, 1]),
  // Lists inside lists, maps inside maps, thousands deep.
  (random) => Buffer.alloc(1 + random.below(30_000), pick(random, [0x91, 0x81])),
  // Every kind of extension, known to the decoder or not.
  (random) =>
    Buffer.concat([
      Uint8Array.from([
        0x81,
        0xa1,
        0x76,
        pick(random, [0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xc7]),
        random.below(256),
        random.below(256),
      ]),
      randomBytes(random, 20),
    ]),
  // A list of bodies, one of which is none.
  (random, body) => packr.pack({ v: 1, bodies: [damaged(random, body), randomBytes(random, 30)] }),
  (random) => packr.pack({ v: 1, bodies: pick<unknown>(random, [[], {}, [1], 'x', [[]], null]) }),
  (random, body) => {
    let nested: Uint8Array = body;
    for (let depth = 1 + random.below(50); depth > 0; depth--) nested = packr.pack({ v: 1, bodies: [nested] });
    return packr.pack({ v: 1, bodies: [nested, nested] });
  },
];

export function malformedMessage({ name, index, random }: Case): MalformedMessage | null {
  const queue = queueNames[index % queueNames.length] ?? 'scores';
  const subject = `${queues[queue].prefix}.${runId}.case-${index}`;
  const fields = headers();
  const about = { name: `${name} (${subject})`, subject, headers: fields };
  const whole = Buffer.from(valid[queue]);
  switch (random.below(6)) {
    case 0: {
      // Damaged on the way: the checksum is the whole body's.
      const body = flipBits(random, whole);
      fields.set(checksumHeader, checksum(whole));
      return body.equals(whole) ? null : { ...about, body };
    }
    case 1: {
      const wrong = pick(random, ['', '0', checksum(whole).slice(1), checksum(whole).toUpperCase(), 'x'.repeat(2_000)]);
      if (wrong !== '') fields.set(checksumHeader, wrong);
      return wrong === checksum(whole) ? null : { ...about, body: whole };
    }
    case 2: {
      // A part of a message that cannot be: more parts than it may have, a part behind the last one, none at all.
      fields.set(
        partHeader,
        `${pick(random, ['0/0', '3/2', '7/1', '0/9999', '0/148', '2/2', '9999/9999', '-1/2', '0/x'])} ${name.replace(/\W/g, '-')}`,
      );
      fields.set(checksumHeader, checksum(randomBytes(random, 9)));
      return { ...about, body: whole.subarray(0, random.below(whole.length)) };
    }
    default: {
      const body = pick(random, bodyMakings)(random, whole);
      fields.set(checksumHeader, checksum(body));
      return queue === 'rollout' && isRolloutTask(body) ? null : { ...about, body };
    }
  }
}

const count = z.number().int().min(0);
const id = z.string().refine(isId);
const rolloutTaskSchema = z.object({
  v: z.literal(1),
  runId: id,
  groupId: id,
  trajectoryId: id,
  problemId: z.string(),
  iteration: count,
  policyVersion: count,
  segmentIndex: count,
  attempt: count,
  seed: count,
  sampling: z.object({ temperature: z.number(), topK: count, topP: z.number() }),
  budgetTokens: count,
  capTokens: count,
  lastSpan: z.boolean(),
  lostTries: count.optional(),
});

/** A second judgement on tasks: one whose damage made another valid task of it waits for its run like any other, and is no dead letter. */
function isRolloutTask(body: Uint8Array): boolean {
  try {
    const value: unknown = packr.unpack(body);
    if (rolloutTaskSchema.safeParse(value).success) return true;
    const bodies = z.object({ v: z.literal(1), bodies: z.array(z.instanceof(Uint8Array)).min(1) }).safeParse(value);
    return bodies.success && bodies.data.bodies.some(isRolloutTask);
  } catch {
    return false;
  }
}
