/**
 * Serves a contract's handlers on a gRPC server: converts, translates errors, turns cancellation into an AbortSignal, and
 * writes streams no faster than they are read.
 */
import { setMaxListeners } from 'node:events';
import type {
  Metadata,
  Server,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { type ErrorCode, SegueError } from '@segue/core';
import { LateSignal, pause, untilAborted } from '../abort.js';
import { OpenSpan, readTrace, traceHeader } from '../tracing.js';
import type { ApiShape, CallContext, Handlers } from './call.js';
import type { Contract } from './contract.js';
import { limited } from './incoming.js';
import { toStatus } from './status.js';
import { type BoundMethod, bindContract } from './wire.js';

/** A call that has ended, for logs and metrics. */
export interface CallReport {
  /** `segue.v1.Trainer/GetTrainerStatus`. */
  readonly rpc: string;
  readonly peer: string;
  readonly durationMs: number;
  readonly code: 'OK' | ErrorCode;
  /** What failed; null when nothing did. */
  readonly error: SegueError | null;
}

export interface ServeOptions {
  /** Fires when the server begins to stop: streams end with UNAVAILABLE, handlers are told. */
  readonly signal?: AbortSignal | undefined;
  readonly onCall?: ((report: CallReport) => void) | undefined;
  /** Bytes of one client's stream at most, all its messages together; left out: no limit. */
  readonly maxStreamBytes?: number | undefined;
  /** Longest wait for the next message of a client's stream, in ms; left out: half a minute. */
  readonly maxIdleMs?: number | undefined;
}

/** What the three kinds of call have in common. */
interface AnyCall {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  getPeer(): string;
  on(event: 'cancelled', listener: () => void): unknown;
}
type Handler = (first: unknown, second: unknown, third?: unknown) => unknown;

const raw = (bytes: Buffer) => bytes;

/** Why a call's signal fires: the library tells each call that it is over, and a service that stops ends all. */
const over = new SegueError('CANCELLED', 'the call is over');

/** Within this time after the end of a client's stream it is known whether it was cut. */
const breakNoticeMs = 20;
const defaultIdleMs = 30_000;

export function addService<Api extends ApiShape<Api>>(
  server: Server,
  contract: Contract<Api>,
  handlers: Handlers<Api>,
  options: ServeOptions = {},
): void {
  const methods = bindContract(contract);
  const definition = methods.map(({ name, path, rule }) => [
    name,
    {
      path,
      requestStream: rule.kind === 'client-stream',
      responseStream: rule.kind === 'server-stream',
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    },
  ]);
  const named = new Map(Object.entries(handlers) as [string, Handler][]);
  const implementation: UntypedServiceImplementation = {};
  for (const method of methods) {
    const handler = named.get(method.name);
    if (!handler) throw new SegueError('INTERNAL', `${contract.name} has no handler for ${method.name}`);
    implementation[method.name] = adapter(method, handler.bind(handlers), options);
  }
  server.addService(Object.fromEntries(definition), implementation);
}

function adapter(method: BoundMethod, handler: Handler, options: ServeOptions) {
  switch (method.rule.kind) {
    case 'unary':
      return (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
        void answer(method, call, options, callback, (context) =>
          handler(method.request.decode(call.request), context),
        );
    case 'client-stream':
      return (call: ServerReadableStream<Buffer, Buffer>, callback: sendUnaryData<Buffer>) =>
        void answer(method, call, options, callback, (context) =>
          readParts(method, handler, limited(call, method.path, incomingLimits(method, options)), context),
        );
    case 'server-stream':
      return (call: ServerWritableStream<Buffer, Buffer>) => void stream(method, handler, call, options);
  }
}

/** A call of no deadline may keep us waiting as long as one with the contract's. */
function incomingLimits({ rule }: BoundMethod, { maxStreamBytes, maxIdleMs = defaultIdleMs }: ServeOptions) {
  return { maxBytes: maxStreamBytes, idleMs: maxIdleMs, totalWaitMs: rule.deadlineMs };
}

/** Runs a handler with one response. */
async function answer(
  method: BoundMethod,
  call: AnyCall,
  options: ServeOptions,
  callback: sendUnaryData<Buffer>,
  work: (context: CallContext) => unknown,
): Promise<void> {
  const running = new RunningCall(method, call, options);
  try {
    callback(null, method.response.encode(await running.run(async () => work(running.context))));
    running.end(null);
  } catch (error) {
    const failure = SegueError.from(error);
    callback(toStatus(failure));
    running.end(failure);
  }
}

async function readParts(
  method: BoundMethod,
  handler: Handler,
  messages: AsyncIterable<Buffer>,
  context: CallContext,
): Promise<unknown> {
  const parts = decodeParts(method, messages, context);
  const first = await parts.next();
  if (first.done || !('header' in first.value)) {
    throw new SegueError('INVALID_INPUT', `${method.path}: the first message of the stream must be the header`);
  }
  return handler(first.value.header, itemsOf(parts, method), context);
}

type Part = { readonly header: unknown } | { readonly item: unknown };

async function* decodeParts(
  method: BoundMethod,
  messages: AsyncIterable<Buffer>,
  context: CallContext,
): AsyncGenerator<Part, void, void> {
  for await (const bytes of untilAborted(messages, context.signal)) yield method.request.decode(bytes) as Part;
  // A stream that broke off must not look like one that ended: the library tells of the end first, of the break a moment later.
  await pause(breakNoticeMs, context.signal);
  if (context.signal.aborted) throw new SegueError('CANCELLED', `${method.path}: the stream broke off`);
}

async function* itemsOf(
  parts: AsyncGenerator<Part, void, void>,
  method: BoundMethod,
): AsyncGenerator<unknown, void, void> {
  for await (const part of parts) {
    if (!('item' in part)) throw new SegueError('INVALID_INPUT', `${method.path}: a second header in one stream`);
    yield part.item;
  }
}

async function stream(
  method: BoundMethod,
  handler: Handler,
  call: ServerWritableStream<Buffer, Buffer>,
  options: ServeOptions,
): Promise<void> {
  const running = new RunningCall(method, call, options);
  const { context } = running;
  try {
    const responses = handler(method.request.decode(call.request), context) as AsyncIterable<unknown>;
    for await (const response of untilAborted(responses, context.signal)) {
      if (!call.write(method.response.encode(response))) await drained(call, context.signal);
    }
    if (options.signal?.aborted) {
      throw new SegueError('UNAVAILABLE', `${method.path}: the service is stopping; ask again`);
    }
    call.end();
    running.end(context.signal.aborted ? new SegueError('CANCELLED', `${method.path}: the caller left`) : null);
  } catch (error) {
    const failure = SegueError.from(error);
    call.emit('error', toStatus(failure));
    running.end(failure);
  }
}

function drained(call: ServerWritableStream<Buffer, Buffer>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    if (signal.aborted) return resolve();
    call.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** A call from its beginning to its report. */
class RunningCall {
  readonly context: CallContext;
  readonly #over = new LateSignal(over);
  readonly #abort = () => this.#over.fire();
  readonly #method: BoundMethod;
  readonly #options: ServeOptions;
  readonly #begunAtMs = performance.now();
  readonly #span: OpenSpan | null;

  constructor(method: BoundMethod, call: AnyCall, options: ServeOptions) {
    this.#method = method;
    this.#options = options;
    call.on('cancelled', this.#abort);
    if (call.cancelled || options.signal?.aborted) this.#abort();
    // Every call that runs listens, and lets go at its end.
    if (options.signal) setMaxListeners(0, options.signal);
    options.signal?.addEventListener('abort', this.#abort, { once: true });
    const parent = readTrace(call.metadata.get(traceHeader)[0]);
    const name = method.path.slice(1);
    this.#span = parent === null ? null : new OpenSpan({ name, parent, kind: 'server' });
    const deadline = Number(call.getDeadline());
    const late = this.#over;
    this.context = {
      get signal() {
        return late.signal;
      },
      peer: call.getPeer(),
      deadlineMs: Number.isFinite(deadline) ? Math.max(0, deadline - Date.now()) : null,
    };
  }

  /** What a handler calls and publishes belongs to the caller's trace. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#span === null ? work() : this.#span.run(work);
  }

  end(error: SegueError | null): void {
    this.#span?.end(error);
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#options.onCall?.({
      rpc: this.#method.path.slice(1),
      peer: this.context.peer,
      durationMs: performance.now() - this.#begunAtMs,
      code: error?.code ?? 'OK',
      error,
    });
  }
}
