/**
 * Typed clients out of contracts: promises for unary calls, async iterables for streams. Every call has a deadline, every
 * failure is a SegueError, and calls that may be repeated are, while the server cannot be reached.
 */
import {
  type ClientReadableStream,
  type ClientWritableStream,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { accessTable, SegueError } from '@segue/core';
import { cancelled, LateSignal, untilAborted } from '../abort.js';
import { scorerIdentity, serviceIdentity } from '../access/identity.js';
import { channelCredentials, type TlsMaterial } from '../access/tls.js';
import { currentTrace, traceHeader } from '../tracing.js';
import type { ApiShape, CallOptions, Client } from './call.js';
import { channelOptions } from './channel.js';
import type { Contract } from './contract.js';
import { isLoopback } from './loopback.js';
import { type Attempts, waitToRetry, withRetries } from './retry.js';
import { fromStatus } from './status.js';
import { type BoundMethod, bindContract } from './wire.js';

export interface ConnectOptions {
  /** Largest message in either direction, in bytes. */
  readonly maxMessageBytes?: number | undefined;
  /** Left out: without TLS. */
  readonly tls?: TlsMaterial | undefined;
  /** Bearer token of a client; sent over TLS alone, or on this machine. */
  readonly token?: string | undefined;
  /** A scorer server of one's own, by the name in its certificate; left out: a service of the cluster is called. */
  readonly scorer?: string | undefined;
}

/** One call's circumstances. */
interface Call extends Attempts {
  readonly method: BoundMethod;
  readonly channel: GrpcClient;
  readonly metadata: Metadata;
}

const raw = (bytes: Buffer) => bytes;

/** Opens nothing yet: the connection is made at the first call, and again whenever it was lost. */
export function connect<Api extends ApiShape<Api>>(
  contract: Contract<Api>,
  address: string,
  options: ConnectOptions = {},
): Client<Api> {
  const service = accessTable[contract.name]?.service ?? contract.name;
  const peer = options.scorer === undefined ? serviceIdentity(service) : scorerIdentity(options.scorer);
  const channel = new GrpcClient(address, channelCredentials(options.tls, peer), {
    ...channelOptions(options.maxMessageBytes),
    // The name that is asked for in the handshake: an address is none.
    ...(options.tls && { 'grpc.ssl_target_name_override': peer.name }),
  });
  const metadata = metadataOf(address, options);
  const methods = bindContract(contract).map((method) => {
    const begin = (callOptions: CallOptions = {}): Call => ({
      method,
      channel,
      metadata,
      what: `${method.path.slice(1)} at ${address}${options.tls ? ' over TLS' : ''}`,
      retry: method.rule.retry && callOptions.retry !== false,
      deadlineAtMs: Date.now() + (callOptions.deadlineMs ?? method.rule.deadlineMs),
      signal: callOptions.signal,
    });
    return [method.name, caller(method, begin)];
  });
  return Object.assign(Object.fromEntries(methods), { address, close: () => channel.close() }) as Client<Api>;
}

function metadataOf(address: string, { tls, token }: ConnectOptions): Metadata {
  const metadata = new Metadata();
  if (token === undefined) return metadata;
  if (!tls && !isLoopback(address.replace(/:\d+$/, ''))) {
    throw new SegueError('INVALID_CONFIG', `a token is not sent to ${address} without TLS: give ca, cert and key too`);
  }
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** A copy for one call, with the trace that it belongs to. */
function withTrace(metadata: Metadata): Metadata {
  const own = metadata.clone();
  const trace = currentTrace();
  if (trace !== null) own.set(traceHeader, trace);
  return own;
}

type Begin = (options?: CallOptions) => Call;
type Items = Iterable<unknown> | AsyncIterable<unknown>;

function caller(method: BoundMethod, begin: Begin) {
  switch (method.rule.kind) {
    case 'unary':
      return (request: unknown, options?: CallOptions) => {
        const call = begin(options);
        return withRetries(call, () => callUnary(call, request));
      };
    case 'server-stream':
      return (request: unknown, options?: CallOptions) => callServerStream(begin(options), request);
    case 'client-stream':
      return (header: unknown, items: Items, options?: CallOptions) => callClientStream(begin(options), header, items);
  }
}

async function callUnary(call: Call, request: unknown): Promise<unknown> {
  const { method, channel, metadata } = call;
  const bytes = method.request.encode(request);
  const answer = new Answer(call);
  answer.follow(
    channel.makeUnaryRequest(
      method.path,
      raw,
      raw,
      bytes,
      withTrace(metadata),
      { deadline: call.deadlineAtMs },
      answer.settle,
    ),
  );
  return method.response.decode(await answer.promise);
}

async function callClientStream(call: Call, header: unknown, items: Items): Promise<unknown> {
  const { method, channel, metadata } = call;
  const answer = new Answer(call);
  const stream: ClientWritableStream<Buffer> = channel.makeClientStreamRequest(
    method.path,
    raw,
    raw,
    withTrace(metadata),
    { deadline: call.deadlineAtMs },
    answer.settle,
  );
  answer.follow(stream);
  try {
    await write(stream, method.request.encode({ header }), answer);
    // The server may answer before it has read everything: it has refused something.
    for await (const item of untilAborted(asynchronous(items), answer.settled)) {
      await write(stream, method.request.encode({ item }), answer);
    }
    stream.end();
  } catch (error) {
    stream.cancel();
    throw SegueError.from(error);
  }
  return method.response.decode(await answer.promise);
}

async function* asynchronous(items: Items): AsyncGenerator<unknown, void, void> {
  yield* items;
}

/** Writes, and waits while the peer is slower than we are. */
async function write(stream: ClientWritableStream<Buffer>, bytes: Buffer, answer: Answer): Promise<void> {
  if (answer.settled.aborted || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stream.off('drain', done);
      answer.settled.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    answer.settled.addEventListener('abort', done, { once: true });
  });
}

async function* callServerStream(call: Call, request: unknown): AsyncGenerator<unknown, void, void> {
  const bytes = call.method.request.encode(request);
  for (let number = 1; ; number++) {
    let answered = false;
    try {
      for await (const response of openServerStream(call, bytes)) {
        answered = true;
        yield response;
      }
      return;
    } catch (error) {
      const failure = SegueError.from(error);
      if (answered || !(await waitToRetry(call, number, failure))) throw failure;
    }
  }
}

async function* openServerStream(call: Call, request: Buffer): AsyncGenerator<unknown, void, void> {
  if (call.signal?.aborted) throw cancelled(call.what);
  const { method, channel, metadata } = call;
  const stream: ClientReadableStream<Buffer> = channel.makeServerStreamRequest(
    method.path,
    raw,
    raw,
    request,
    withTrace(metadata),
    {
      deadline: call.deadlineAtMs,
    },
  );
  const cancel = () => stream.cancel();
  call.signal?.addEventListener('abort', cancel, { once: true });
  // Errors reach the loop below; this keeps one that comes after its end from being thrown at the process.
  stream.on('error', () => {});
  try {
    for await (const bytes of stream) yield method.response.decode(bytes);
  } catch (error) {
    throw call.signal?.aborted ? cancelled(call.what) : fromStatus(error, call.what);
  } finally {
    call.signal?.removeEventListener('abort', cancel);
    stream.cancel();
  }
}

const settled = new SegueError('CANCELLED', 'the call is answered');

/** The one response of a call, as a promise that the caller's signal can end. */
class Answer {
  readonly promise: Promise<Buffer>;
  readonly settle: (error: ServiceError | null, bytes?: Buffer) => void;
  readonly #settled = new LateSignal(settled);
  #cancel = () => {};

  constructor(call: Call) {
    const { signal } = call;
    if (signal?.aborted) throw cancelled(call.what);
    let settle: typeof this.settle = () => {};
    this.promise = new Promise((resolve, reject) => {
      settle = (error, bytes) => {
        this.#settled.fire();
        signal?.removeEventListener('abort', cancel);
        if (error) reject(signal?.aborted ? cancelled(call.what) : fromStatus(error, call.what));
        else resolve(bytes ?? Buffer.alloc(0));
      };
    });
    this.settle = settle;
    // It may settle while the caller is still busy with writing, and is looked at afterwards.
    this.promise.catch(() => {});
    const cancel = () => this.#cancel();
    signal?.addEventListener('abort', cancel, { once: true });
  }

  /** Fires when the answer, or the failure, is there. */
  get settled(): AbortSignal {
    return this.#settled.signal;
  }

  /** From now on the signal cancels this call. */
  follow(grpcCall: { cancel(): void }): void {
    this.#cancel = () => grpcCall.cancel();
  }
}
