/**
 * Malformed gRPC calls of every RPC of the protos, sent as raw bytes over plain HTTP/2: messages that are none, messages cut or changed, frames that lie about their
 * length or their packing, values of the wrong type, bytes that nobody asked for.
 */
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import {
  actorContract,
  controllerContract,
  replayContract,
  rewardContract,
  scorerListContract,
  tablesContract,
  trainerContract,
} from '@segue/bus';
import type { SeededRandom } from '@segue/core';
import { type BoundMethod, bindContract } from '../../../packages/bus/dist/rpc/wire.js';
import {
  actorSamples,
  controllerSamples,
  replaySamples,
  trainerSamples,
} from '../../../packages/bus/test/rpc-samples.js';
import { rewardSamples, scorerListSamples } from '../../../packages/bus/test/scorer-samples.js';
import { tablesSamples } from '../../../packages/bus/test/table-samples.js';
import { framed } from '../../security/raw-call.js';
import { damaged, randomBytes } from './bytes.js';
import { type Case, pick } from './cases.js';
import { isWireFormat } from './wire-format.js';

export interface Target {
  /** Process that serves it. */
  readonly service: 'replay' | 'controller' | 'actor-0' | 'trainer' | 'reward';
  readonly method: BoundMethod;
  /** Valid messages. */
  readonly messages: readonly Buffer[];
}

export const targets: readonly Target[] = [
  ...targetsOf('controller', bindContract(controllerContract), controllerSamples),
  ...targetsOf('replay', bindContract(replayContract), replaySamples),
  ...targetsOf('replay', bindContract(tablesContract), tablesSamples),
  ...targetsOf('actor-0', bindContract(actorContract), actorSamples),
  ...targetsOf('trainer', bindContract(trainerContract), trainerSamples),
  ...targetsOf('reward', bindContract(rewardContract), rewardSamples),
  ...targetsOf('reward', bindContract(scorerListContract), scorerListSamples),
];

function targetsOf(
  service: Target['service'],
  methods: readonly BoundMethod[],
  samples: Readonly<Record<string, { readonly requests: readonly unknown[] }>>,
): Target[] {
  return methods.map((method) => {
    const requests = samples[method.name]?.requests ?? [];
    return { service, method, messages: requests.map((request) => method.request.encode(request)) };
  });
}

export interface DamagedCall {
  readonly name: string;
  readonly target: Target;
  readonly body: Buffer;
  readonly encoding: string;
  /** The damaged bytes are still fields one after the other: the call may be answered, since a value may be another and unknown fields are allowed. */
  readonly isMessage: boolean;
}

/** What could be done with a message that is valid by chance: runs begun, an actor told to take no more work. Such messages are not sent. */
const consequential = new Set(['putRun', 'createRun', 'drain', 'takeSnapshot']);

type Making = (random: SeededRandom, message: Buffer) => { readonly body: Buffer; readonly encoding?: string };

const header = (compressed: number, length: number) => {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(compressed, 0);
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

/** A field that is none: a tag with what must not follow it. */
const wrongFields: readonly (readonly number[])[] = [
  // A length far beyond the end; one of more than 32 bits; a number that does not end; wire types 6 and 7; field 0; the end of a group that never began.
  [0x0a, 0xff, 0xff, 0xff, 0x7f],
  [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x0e],
  [0x0f],
  [0x00, 0x01],
  [0x0c],
  [0x0a, 0x05, 0x01],
  [0x09, 0x01, 0x02],
  [0x0d, 0x01],
  // An unknown field whose length lies.
  [0xfa, 0xff, 0x03, 0x80, 0x01, 0x00],
];

/** Frames that hold one whole message of bytes; whether those are a message is judged by their wire format. */
const messageMakings: readonly Making[] = [
  (random, message) => ({ body: framed(Buffer.concat([message, Buffer.from(pick(random, wrongFields))]), 0) }),
  (random, message) => ({ body: framed(Buffer.concat([Buffer.from(pick(random, wrongFields)), message]), 0) }),
  (random, message) => ({ body: framed(damaged(random, message), 0) }),
  (random, message) => ({ body: framed(damaged(random, damaged(random, message)), 0) }),
  (random) => ({ body: framed(randomBytes(random, 512), 0) }),
  // Groups inside groups, thousands deep, none of which ends.
  (random) => ({ body: framed(Buffer.alloc(1 + random.below(50_000), 0x0b), 0) }),
];

/** Frames that are none. */
const frameMakings: readonly Making[] = [
  (random, message) => ({ body: Buffer.concat([header(0, message.length + 1 + random.below(1_000)), message]) }),
  (random, message) => ({ body: Buffer.concat([header(0, 0xffffffff - random.below(1_000)), message]) }),
  (random, message) => ({
    body: Buffer.concat([header(1, message.length), message]),
    encoding: pick(random, ['gzip', 'deflate']),
  }),
  (random) => ({ body: framed(randomBytes(random, 200), 1), encoding: 'gzip' }),
  (random, message) => ({ body: framed(message, 0).subarray(0, random.below(5)) }),
];

/** A damaged call; null when it is none that a test should send. */
export function damagedCall({ name, index, random }: Case): DamagedCall | null {
  const target = targets[index % targets.length];
  if (target === undefined) throw new Error('the protos have no RPC');
  const message = pick(random, target.messages);
  const isWhole = random.below(4) > 0;
  const { body, encoding = 'identity' } = pick(random, isWhole ? messageMakings : frameMakings)(random, message);
  const isMessage = isWhole && isWireFormat(body.subarray(5));
  if (isMessage && consequential.has(target.method.name)) return null;
  return { name: `${name} (${target.method.path})`, target, body, encoding, isMessage };
}

/** How a call ended: its gRPC status, or the reset of its stream. */
export interface Answer {
  /** null where there was none. */
  readonly status: number | null;
  readonly httpStatus: number | null;
  readonly segueCode: string;
  readonly reset: number;
}

/** Many calls over one connection. */
export class RawConnection {
  readonly #session: ClientHttp2Session;
  readonly errors: string[] = [];

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session
      .on('error', (error) => this.errors.push(error.message))
      .on('goaway', (code) => this.errors.push(`goaway ${code}`));
  }

  call(path: string, body: Buffer, encoding: string): Promise<Answer> {
    return new Promise((resolve) => {
      const stream = this.#session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: path,
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        te: 'trailers',
        'grpc-encoding': encoding,
        'grpc-timeout': '20S',
      });
      let status: number | null = null;
      let httpStatus: number | null = null;
      let segueCode = '';
      const look = (headers: Readonly<Record<string, unknown>>) => {
        if (headers[':status'] !== undefined) httpStatus = Number(headers[':status']);
        if (headers['grpc-status'] !== undefined) status = Number(headers['grpc-status']);
        if (headers['segue-code'] !== undefined) segueCode = String(headers['segue-code']);
      };
      // The reset of a stream is told by its code.
      stream
        .on('response', look)
        .on('trailers', look)
        .on('error', () => {});
      stream.on('close', () => resolve({ status, httpStatus, segueCode, reset: stream.rstCode ?? 0 })).resume();
      stream.end(body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
