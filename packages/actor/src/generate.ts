/**
 * The Generate call: a batch of prompts on one pinned version, each answered as it ends. Everything is checked before
 * the first token. Nothing is stored; the same request gives the same tokens.
 */
import { setMaxListeners } from 'node:events';
import { firstOf } from '@segue/bus';
import {
  type GeneratePrompt,
  type GenerateRequest,
  type GenerateResult,
  hashTokens,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
} from '@segue/core';
import { readConfig, type SequenceBounds } from '@segue/engine';
import type { Tokenizer } from '@segue/tokenizer';
import type { Lane } from './lane.js';
import type { LanePolicy } from './lane-work.js';
import type { RunSettings } from './run-settings.js';

/** What a batch is generated with. */
export interface GenerateSetting {
  readonly policy: LanePolicy;
  readonly settings: RunSettings;
  readonly tokenizer: Tokenizer;
  readonly maxPrompts: number;
  readonly bounds: SequenceBounds;
}

/** What sequences of a version must fit in: the engine's word while it serves that run, whose versions are all alike, else that of the version's files. */
export async function boundsOf(
  { runId, folder }: LanePolicy,
  rollout: Pick<Lane, 'policy' | 'engineStatus'>,
): Promise<SequenceBounds> {
  if (rollout.policy?.runId === runId && rollout.engineStatus) return rollout.engineStatus;
  const { config } = await readConfig(folder);
  return { vocabularySize: config.vocabularySize, maxContextTokens: config.maxPositions };
}

export type Evaluate = (policy: LanePolicy, request: SequenceRequest, signal: AbortSignal) => Promise<SequenceResult>;

/** The sequences of a request. INVALID_INPUT, naming the prompt, refuses the whole. */
export function sequencesOf(request: GenerateRequest, setting: GenerateSetting): SequenceRequest[] {
  const { prompts } = request;
  if (prompts.length > setting.maxPrompts) {
    throw new SegueError(
      'RESOURCE_EXHAUSTED',
      `${prompts.length} prompts in one call; this actor takes ${setting.maxPrompts} (maxGeneratePrompts)`,
    );
  }
  const ids = new Set<string>();
  for (const { id } of prompts) {
    if (id === '' || ids.has(id))
      throw new SegueError('INVALID_INPUT', `prompt id ${JSON.stringify(id)} is empty or not unique`);
    ids.add(id);
  }
  const stopTokens = setting.settings.stopTokens(setting.tokenizer);
  const repeat = request.stopOnRepeat ? setting.settings.repeat : null;
  return prompts.map((prompt) => {
    const promptTokens = tokensOf(prompt, setting.tokenizer);
    const newTokens = allowedTokens(prompt, promptTokens, request.maxTokens, setting);
    return {
      id: prompt.id,
      promptKey: hashTokens(promptTokens),
      promptTokens,
      responseTokens: prompt.responseTokens,
      seed: request.seed,
      sampling: request.sampling,
      stopTokens,
      budgetTokens: newTokens,
      capTokens: prompt.responseTokens.length + newTokens,
      lastSpan: true,
      repeat,
    };
  });
}

/** Runs the sequences and yields each result as it ends. Ends with CANCELLED when `signal` fires. */
export async function* generate(
  requests: readonly SequenceRequest[],
  { policy, tokenizer }: GenerateSetting,
  evaluate: Evaluate,
  signal: AbortSignal,
): AsyncIterable<GenerateResult> {
  // One sequence that fails ends the call, and with it the others.
  const stop = new AbortController();
  const either = firstOf(signal, stop.signal);
  const whole = either.signal;
  // Every sequence listens to it.
  setMaxListeners(0, whole);
  const running = new Map(
    requests.map((request, i) => [i, evaluate(policy, request, whole).then((result) => ({ i, result }))]),
  );
  for (const one of running.values()) one.catch(() => undefined);
  const ended = inOrderOfEnding([...running.values()]);
  try {
    for await (const { result } of ended) {
      yield {
        id: result.id,
        tokens: result.tokens,
        logProbs: result.logProbs,
        endReason: result.endReason,
        policyVersion: policy.version,
        text: tokenizer.decode(result.tokens, { skipSpecial: true }),
      };
    }
  } finally {
    stop.abort();
    either.release();
  }
}

/** Yields what promises come to, in the order in which they do; throws with the first that rejects. */
async function* inOrderOfEnding<T>(promises: readonly Promise<T>[]): AsyncGenerator<T> {
  const ended: T[] = [];
  const failures: SegueError[] = [];
  let ring: () => void = () => undefined;
  for (const promise of promises) {
    promise.then(
      (value) => {
        ended.push(value);
        ring();
      },
      (error) => {
        failures.push(SegueError.from(error));
        ring();
      },
    );
  }
  for (let left = promises.length; left > 0; ) {
    if (ended.length === 0 && failures.length === 0) {
      await new Promise<void>((resolve) => {
        ring = resolve;
      });
    }
    for (const value of ended.splice(0)) {
      left--;
      yield value;
    }
    if (failures[0]) throw failures[0];
  }
}

function tokensOf(prompt: GeneratePrompt, tokenizer: Tokenizer): Int32Array {
  if (prompt.tokens && prompt.tokens.length > 0) return prompt.tokens;
  if (prompt.text === '') throw new SegueError('INVALID_INPUT', `prompt ${prompt.id} has neither tokens nor text`);
  return tokenizer.encode(prompt.text, { addSpecialTokens: true });
}

/** New tokens that the prompt may have: what was asked for, within the context. */
function allowedTokens(prompt: GeneratePrompt, tokens: Int32Array, asked: number, setting: GenerateSetting): number {
  const { vocabularySize, maxContextTokens } = setting.bounds;
  const foreign = [...tokens, ...prompt.responseTokens].find((token) => token < 0 || token >= vocabularySize);
  if (foreign !== undefined) {
    throw new SegueError(
      'INVALID_INPUT',
      `prompt ${prompt.id} holds token ${foreign}; the vocabulary has ${vocabularySize}`,
    );
  }
  const used = tokens.length + prompt.responseTokens.length;
  const room = maxContextTokens - used;
  const limit = asked > 0 ? asked : Math.min(room, setting.settings.config.rollout.maxResponseTokens);
  if (limit < 1 || limit > room) {
    throw new SegueError(
      'INVALID_INPUT',
      `prompt ${prompt.id} has ${used} tokens and asks for ${asked} more; the context has room for ${Math.max(0, room)}`,
    );
  }
  return limit;
}
