/**
 * What the dialects of the completions protocol have in common: a request by token ids, and the parts of its stream. A dialect is one small
 * table of how a server wants to be asked and what its messages mean; it knows nothing of connections and sequences.
 */
import { type Sampling, SegueError } from '@segue/core';
import type { z } from 'zod';

export const dialectNames = ['llama.cpp', 'openai', 'vllm', 'sglang'] as const;
export type DialectName = (typeof dialectNames)[number];

export interface CompletionRequest {
  /** Name under which the server knows the model. */
  readonly model: string;
  /** Prompt and response so far. */
  readonly tokens: readonly number[];
  readonly maxTokens: number;
  readonly sampling: Sampling;
  readonly stopTokens: readonly number[];
  /** 31 bits. */
  readonly seed: number;
}

export interface SampledToken {
  readonly token: number;
  /** Log softmax over the whole vocabulary at the sampling temperature; at 1 for greedy. */
  readonly logProb: number;
}

/** What one message of a stream says. */
export interface CompletionPart {
  readonly tokens: readonly SampledToken[];
  /** Tokens of the request that the server had computed before; left out where it does not say. */
  readonly reusedTokens?: number;
}

export interface Dialect {
  readonly path: string;
  /** Why tokens cannot be sampled so with the log-probs that a segment needs; null when they can. */
  refusal(sampling: Sampling): string | null;
  body(request: CompletionRequest): object;
  /** Reads the messages of one stream, in order. @throws FAILED_PRECONDITION for a message without what is needed */
  reader(): (message: unknown) => CompletionPart;
}

/** A message as the schema has it. */
export function parseMessage<T extends z.ZodType>(schema: T, message: unknown): z.output<T> {
  const { data, success } = schema.safeParse(message);
  if (success) return data;
  throw malformed('a message has another form than this dialect', message);
}

export function malformed(what: string, message: unknown): SegueError {
  const shown = JSON.stringify(message)?.slice(0, 300);
  return new SegueError('FAILED_PRECONDITION', `${what}: check the dialect and the server's version. It was ${shown}`);
}

/** Servers of the plain protocol tell the log-probs of the model as it is. */
export function refuseTempered({ temperature }: Sampling): string | null {
  if (temperature === 0 || temperature === 1) return null;
  return `temperature ${temperature}: the server tells log-probs at temperature 1 alone; use 1, or 0 (greedy), or the dialect llama.cpp`;
}

/** What all dialects of /v1/completions are asked for. */
export function commonBody({ model, tokens, maxTokens, sampling, seed }: CompletionRequest): object {
  return {
    model,
    prompt: tokens,
    max_tokens: maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    seed,
    stream: true,
  };
}
