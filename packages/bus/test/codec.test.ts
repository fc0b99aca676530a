/** The bodies of the streams: there and back, cut or spoilt or from another version, hostile, in parts. gRPC messages are in convert.test.ts. */
import { SeededRandom, SegueError } from '@segue/core';
import { Unpackr } from 'msgpackr';
import t from 'tap';
import { type Body, checksum, decodeBody, encodeBody } from '../dist/stream/codec.js';
import type { HeldMessage } from '../dist/stream/delivery.js';
import * as formats from '../dist/stream/messages.js';
import { formatPart, PartJoiner, splitBody } from '../dist/stream/parts.js';
import { registration, rolloutTask, score, segment } from './samples.js';

const segmentMessage = { runId: 'r', segment };
const read = <T>(format: formats.Format<T>, body: Uint8Array) => format.read(decodeBody(body, checksum(body)));

t.test('every body of the streams comes back as it went', async (t) => {
  const check = <T>(format: formats.Format<T>, values: readonly T[]) => {
    for (const value of values) t.strictSame(read(format, encodeBody(format.write(value))), value);
  };
  check(formats.rolloutTaskFormat, [rolloutTask]);
  check(formats.rewardTaskFormat, [{ runId: 'r', trajectoryId: 'r-g0-t0', attempt: 2 }]);
  check(formats.segmentFormat, [
    segmentMessage,
    { runId: 'r', segment: { ...segment, origins: null, lossMask: null, endReason: 'error', error: 'out of memory' } },
  ]);
  check(formats.scoreFormat, [
    { runId: 'r', score },
    { runId: 'r', score: { ...score, attempt: 3 } },
    { runId: 'r', score: { ...score, status: 'timeout', reward: null } },
  ]);
  check(formats.progressFormat, [{ runId: 'r', iteration: 3, kind: 'group' }]);
  check(formats.policyFormat, [{ runId: 'r', version: 0, manifestSha256: 'ab', folder: '/x', trainerAddress: 'h:1' }]);
  check(formats.signalFormat, [{ runId: 'r', iteration: 0, policyVersion: 0, open: false }]);
  const decode = { 8: { chunks: 2, steps: 40, rowSteps: 310, loopMs: 31.5, decodeMs: 33 } };
  check(formats.registrationFormat, [
    registration,
    {
      ...registration,
      policyVersion: 0,
      busySlotMs: { 'r/1': 12.5 },
      engineTimes: { 'r/1': { prefillMs: 1.5, decode } },
      pinned: { 'r/2': 1 },
    },
  ]);
});

t.test('bodies are plain msgpack: maps, bytes with dtype and length, little-endian', async (t) => {
  const body = new Unpackr({ mapsAsObjects: true }).unpack(encodeBody(formats.segmentFormat.write(segmentMessage)));
  t.match(body, { v: 1, runId: 'r', tokens: { dtype: 'int32', n: 3 }, logProbs: { dtype: 'float32', n: 3 } });
  t.strictSame(Buffer.from(body.tokens.data), Buffer.from(Int32Array.from(segment.tokens).buffer));
});

t.test('spoilt, foreign and later bodies are refused', async (t) => {
  const body = Buffer.from(encodeBody(formats.segmentFormat.write(segmentMessage)));
  const sum = checksum(body);
  const spoilt = Buffer.from(body);
  spoilt[spoilt.length >> 1]! ^= 1;
  t.throws(() => decodeBody(spoilt, sum), { code: 'DATA_LOSS', message: /checksum/ });
  const packed = (value: Body) => encodeBody(value);
  t.throws(() => decodeBody(packed({ ...formats.segmentFormat.write(segmentMessage), v: 2 }), null), {
    code: 'INVALID_INPUT',
    message: /version 2 is unknown/,
  });
  const later = packed({ ...formats.segmentFormat.write(segmentMessage), mood: 'sunny' });
  t.strictSame(formats.segmentFormat.read(decodeBody(later, null)), segmentMessage, 'unknown keys are ignored');
  const withChange = (change: Body) => () =>
    read(formats.segmentFormat, packed({ ...formats.segmentFormat.write(segmentMessage), ...change }));
  t.throws(withChange({ index: -1 }), { code: 'INVALID_INPUT', message: /index/ });
  t.throws(withChange({ endReason: 'bored' }), { code: 'INVALID_INPUT', message: /endReason/ });
  t.throws(withChange({ trajectoryId: 'a.b' }), { code: 'INVALID_INPUT', message: /trajectoryId/ });
  t.throws(withChange({ logProbs: Float32Array.of(1) }), { code: 'INVALID_INPUT', message: /logProbs/ });
  t.throws(withChange({ tokens: { dtype: 'int32', n: 9, data: 'x' } }), { code: 'INVALID_INPUT', message: /data/ });
  t.throws(withChange({ tokens: Float32Array.of(1, 2, 3) }), { code: 'INVALID_INPUT', message: /float32, not int32/ });
});

t.test('hostile bodies are refused like any other, without end or damage', async (t) => {
  const random = new SeededRandom(7, 'hostile');
  const good = Buffer.from(encodeBody(formats.segmentFormat.write(segmentMessage)));
  let refused = 0;
  for (let trial = 0; trial < 3_000; trial++) {
    const body = trial % 2 === 0 ? Buffer.alloc(1 + random.below(64)) : Buffer.from(good);
    const changes = trial % 2 === 0 ? body.length : 1 + random.below(8);
    for (let i = 0; i < changes; i++) body[random.below(body.length)] = random.below(256);
    try {
      formats.segmentFormat.read(decodeBody(body, null));
    } catch (error) {
      if (!(error instanceof SegueError)) t.fail(`threw ${String(error)}`);
      refused++;
    }
  }
  t.ok(refused > 1_000, `${refused} refused`);
  const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([0xc0])]);
  t.throws(() => decodeBody(deep, null), SegueError, 'deeply nested');
  t.throws(
    () => decodeBody(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), null),
    SegueError,
    'a map of four thousand million',
  );
  t.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
});

t.test('large bodies are put together from parts in any order, repeated ones included', async (t) => {
  const body = new Uint8Array(1_000_000).map((_, index) => index % 251);
  const parts = splitBody(body);
  t.equal(parts.length, 3);
  t.equal(splitBody(new Uint8Array(0)).length, 1);
  const delivery = (index: number, sequence: number): HeldMessage => ({
    message: { subject: 'segue.segment.r.t', data: parts[index]! },
    deliveryCount: 1,
    sequence,
    header: () => formatPart(index, parts.length, 'seg'),
    extend: () => {},
    giveBack: () => {},
    ack: async () => {},
    terminate: async () => {},
  });
  const joiner = new PartJoiner();
  const add = (index: number, sequence = index + 1) => joiner.add(delivery(index, sequence));
  t.equal(add(2), null);
  t.equal(add(0), null);
  t.equal(add(2), null, 'delivered again');
  const whole = add(1);
  t.equal(whole?.deliveries.length, 3);
  t.ok(Buffer.from(body).equals(whole?.body ?? Buffer.alloc(0)));

  for (const index of [0, 1]) t.equal(add(index), null);
  t.equal(add(0, 7), null, 'published again, for which the stream had forgotten the first');
  t.equal(add(0, 7), null, 'and delivered again');
  const withCopy = add(2);
  t.strictSame(
    withCopy?.deliveries.map(({ sequence }) => sequence),
    [1, 2, 3, 7],
    'the copy ends with the others',
  );
  t.ok(Buffer.from(body).equals(withCopy?.body ?? Buffer.alloc(0)));
  add(0);
  add(0, 7);
  t.strictSame(
    joiner.takeOrphans(0).map(({ sequence }) => sequence),
    [1, 7],
  );
});
