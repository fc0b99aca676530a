/**
 * A service's contract as a value: for each RPC its kind, its converters, how long it may take, and whether it may be
 * sent again. One entry per RPC; client.ts and server.ts read everything they need from here.
 */
import type { ClientStream, ServerStream, Unary } from '@segue/core';
import type { Converter } from '../convert/converter.js';
import type { ApiShape } from './call.js';

interface CallRule {
  /** Longest time for a call when the caller names none, all tries together, in ms. */
  readonly deadlineMs: number;
  /** Safe to send again when the server could not be reached; a stream only before its first answer. */
  readonly retry: boolean;
}

export interface UnaryRule<Request, Response> extends CallRule {
  readonly kind: 'unary';
  readonly request: Converter<Request>;
  readonly response: Converter<Response>;
}

export interface ServerStreamRule<Request, Response> extends CallRule {
  readonly kind: 'server-stream';
  readonly request: Converter<Request>;
  readonly response: Converter<Response>;
}

/** One message of a client's stream: the header comes first, exactly once. */
export type StreamPart<Header, Item> = { readonly header: Header } | { readonly item: Item };

export interface ClientStreamRule<Header, Item, Response> extends CallRule {
  readonly kind: 'client-stream';
  readonly part: Converter<StreamPart<Header, Item>>;
  readonly response: Converter<Response>;
}

type RuleOf<M> =
  M extends Unary<infer Request, infer Response>
    ? UnaryRule<Request, Response>
    : M extends ServerStream<infer Request, infer Response>
      ? ServerStreamRule<Request, Response>
      : M extends ClientStream<infer Header, infer Item, infer Response>
        ? ClientStreamRule<Header, Item, Response>
        : never;

export interface Contract<Api extends ApiShape<Api>> {
  /** Full name in the protos, such as `segue.v1.Trainer`. */
  readonly name: string;
  /** By the RPC's name with a small first letter. */
  readonly methods: { readonly [K in keyof Api]: RuleOf<Api[K]> };
}

/** A rule of any kind, for code that does not care what is carried. */
export type AnyRule =
  | UnaryRule<unknown, unknown>
  | ServerStreamRule<unknown, unknown>
  | ClientStreamRule<unknown, unknown, unknown>;

const second = 1000;
const minute = 60 * second;

/** How long calls may take: reading or writing a little, reading much, work of the cluster, an engine's work. */
export const deadlines = {
  quickMs: 15 * second,
  listMs: 2 * minute,
  slowMs: 5 * minute,
  workMs: 60 * minute,
  watchMs: 24 * 60 * minute,
} as const;

export function unary<Request, Response>(
  request: Converter<Request>,
  response: Converter<Response>,
  rule: CallRule = { deadlineMs: deadlines.quickMs, retry: true },
): UnaryRule<Request, Response> {
  return { kind: 'unary', request, response, ...rule };
}

export function serverStream<Request, Response>(
  request: Converter<Request>,
  response: Converter<Response>,
  rule: CallRule = { deadlineMs: deadlines.listMs, retry: true },
): ServerStreamRule<Request, Response> {
  return { kind: 'server-stream', request, response, ...rule };
}

/** Never sent again by itself: its items may come from a source that can be read once. */
export function clientStream<Header, Item, Response>(
  part: Converter<StreamPart<Header, Item>>,
  response: Converter<Response>,
  deadlineMs: number = deadlines.listMs,
): ClientStreamRule<Header, Item, Response> {
  return { kind: 'client-stream', part, response, deadlineMs, retry: false };
}
