/**
 * What a call looks like from both sides: a method per RPC with core's types, made from the API maps of @segue/core.
 * Types alone; client.ts and server.ts bring them to life.
 */
import type { ClientStream, ServerStream, Unary } from '@segue/core';

/** Any method of an API map. */
export type AnyMethod =
  | Unary<unknown, unknown>
  | ServerStream<unknown, unknown>
  | ClientStream<unknown, unknown, unknown>;

/** An API map: names to methods. */
export type ApiShape<Api> = { readonly [K in keyof Api]: AnyMethod };

/** What a caller may set for one call. */
export interface CallOptions {
  /** Longest time for the call, all tries together, in ms; left out: the contract's. */
  readonly deadlineMs?: number | undefined;
  /** False: one try alone, for callers that know another server. */
  readonly retry?: boolean | undefined;
  /** Cancels the call, here and at the server. */
  readonly signal?: AbortSignal | undefined;
}

/** What a handler is told about a call. */
export interface CallContext {
  /** Fires when the caller cancels, the deadline passes, or the server shuts down. */
  readonly signal: AbortSignal;
  /** Address of the caller, for logs. */
  readonly peer: string;
  /** Time left when the call came in, in ms; null when the caller set none. */
  readonly deadlineMs: number | null;
}

type ClientMethod<M> =
  M extends Unary<infer Request, infer Response>
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : M extends ServerStream<infer Request, infer Response>
      ? (request: Request, options?: CallOptions) => AsyncIterable<Response>
      : M extends ClientStream<infer Header, infer Item, infer Response>
        ? (header: Header, items: Iterable<Item> | AsyncIterable<Item>, options?: CallOptions) => Promise<Response>
        : never;

type HandlerMethod<M> =
  M extends Unary<infer Request, infer Response>
    ? (request: Request, context: CallContext) => Promise<Response>
    : M extends ServerStream<infer Request, infer Response>
      ? (request: Request, context: CallContext) => AsyncIterable<Response>
      : M extends ClientStream<infer Header, infer Item, infer Response>
        ? (header: Header, items: AsyncIterable<Item>, context: CallContext) => Promise<Response>
        : never;

/** A service as its callers see it. Every failure is a SegueError; a client reconnects by itself. */
export type Client<Api extends ApiShape<Api>> = { readonly [K in keyof Api]: ClientMethod<Api[K]> } & {
  /** host:port that it calls. */
  readonly address: string;
  /** Gives the connection back; calls in flight are cancelled. */
  close(): void;
};

/** A service as it is written: one handler per RPC. What it throws reaches the caller as a SegueError of the same code. */
export type Handlers<Api extends ApiShape<Api>> = { readonly [K in keyof Api]: HandlerMethod<Api[K]> };
