/**
 * What `WorkerEngine` and its thread say to each other: one call message per method of `Engine`, one reply per call.
 * Arrays are transferred, never shared. Errors cross as code and message.
 */
import type { ChunkReport, Engine, ErrorCode, SequenceRequest, SequenceResult } from '@segue/core';

/** The methods of `Engine`, without its plain properties. */
export type EngineMethod = Exclude<keyof Engine, 'slots' | 'waitingRoom' | 'sharesWeights'>;
export type EngineArguments<M extends EngineMethod> = Parameters<Engine[M]>;
export type EngineValue<M extends EngineMethod> = Awaited<ReturnType<Engine[M]>>;

export interface CallMessage<M extends EngineMethod = EngineMethod> {
  readonly call: number;
  readonly method: M;
  readonly args: EngineArguments<M>;
}

export type ReplyMessage =
  | { readonly call: number; readonly ok: true; readonly value: EngineValue<EngineMethod> }
  | { readonly call: number; readonly ok: false; readonly code: ErrorCode; readonly message: string };

/**
 * A request that owns its arrays, so that they can be transferred: the caller keeps its own, and a view into a large
 * message buffer does not drag that buffer along.
 */
export function ownedRequest(request: SequenceRequest): SequenceRequest {
  return {
    ...request,
    promptTokens: new Int32Array(request.promptTokens),
    responseTokens: new Int32Array(request.responseTokens),
  };
}

export function requestBuffers(requests: readonly SequenceRequest[]): ArrayBuffer[] {
  return transferable(requests.flatMap((request) => [request.promptTokens, request.responseTokens]));
}

/** The buffers of a method's value, which its thread gives away with the reply. */
export function valueBuffers(value: EngineValue<EngineMethod>): ArrayBuffer[] {
  if (Array.isArray(value)) return resultBuffers(value);
  return isChunkReport(value) ? resultBuffers(value.finished) : [];
}

function isChunkReport(value: EngineValue<EngineMethod>): value is ChunkReport {
  return typeof value === 'object' && 'finished' in value;
}

function resultBuffers(results: readonly SequenceResult[]): ArrayBuffer[] {
  return transferable(results.flatMap((result) => [result.tokens, result.logProbs]));
}

function transferable(arrays: readonly (Int32Array | Float32Array)[]): ArrayBuffer[] {
  return arrays.map((array) => array.buffer).filter((buffer) => buffer instanceof ArrayBuffer);
}
