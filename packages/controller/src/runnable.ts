/** Contradictions of a run's configuration that show only between its sections, or only once its policy is there. */
import { maxStopTokens, minTemperature, type PolicyVersionInfo, type RunConfig, SegueError } from '@segue/core';
import type { Tokenizers } from './tokenizers.js';

/** Of one token in a stored trajectory: id and log-probability, 4 each, origin and loss mask. */
const bytesPerToken = 10;
/** Of a member, and of each of its segments, beside the tokens: ids, hashes, versions, times; an upper bound. */
const headerBytes = 512;

/**
 * Throws INVALID_CONFIG, naming the keys, when a run could never work.
 * @param maxMessageBytes the largest message that services take from each other
 */
export function requireRunnable(config: RunConfig, maxMessageBytes: number): void {
  const { policy, rollout } = config;
  // The trainer reads a group as one message.
  const tokens = rollout.maxPromptTokens + rollout.maxResponseTokens;
  const segments = Math.ceil(rollout.maxResponseTokens / rollout.tokenBudget);
  const groupBytes = rollout.groupSize * (tokens * bytesPerToken + (1 + segments) * headerBytes);
  if (groupBytes > maxMessageBytes) {
    throw new SegueError(
      'INVALID_CONFIG',
      `a group of rollout.groupSize = ${rollout.groupSize} responses of ${rollout.maxResponseTokens} tokens takes ${groupBytes} bytes, but services take messages of ${maxMessageBytes}: raise maxMessageBytes of every service (SEGUE_REPLAY_MAX_MESSAGE_BYTES and so on), or lower rollout.maxResponseTokens`,
    );
  }
  if (policy.from !== null) return;
  if (policy.characters === null) {
    throw new SegueError(
      'INVALID_CONFIG',
      'policy.characters must name the alphabet of a policy made from random weights, or policy.from a policy to begin with',
    );
  }
  const needed = rollout.maxPromptTokens + rollout.maxResponseTokens;
  if (needed > policy.model.maxContextTokens) {
    throw new SegueError(
      'INVALID_CONFIG',
      `rollout.maxPromptTokens + rollout.maxResponseTokens = ${needed} must not exceed policy.model.maxContextTokens = ${policy.model.maxContextTokens}`,
    );
  }
}

/** Throws INVALID_CONFIG for what is refused of a new run alone: stored ones of earlier versions have it, and must be read, watched and gone on with. */
export function requireNewBounds({ evaluation: { temperature } }: RunConfig): void {
  if (temperature === 0 || temperature >= minTemperature) return;
  throw new SegueError(
    'INVALID_CONFIG',
    `evaluation.temperature must be 0 (greedy) or at least ${minTemperature}, got ${temperature}`,
  );
}

/** Throws INVALID_CONFIG when a stop text is not one token of the policy, or when they are too many. */
export async function requireStopTokens(
  tokenizers: Pick<Tokenizers, 'of'>,
  policy: PolicyVersionInfo,
  config: RunConfig,
): Promise<void> {
  if (config.rollout.stop.length === 0) return;
  const tokenizer = await tokenizers.of(policy);
  for (const text of config.rollout.stop) {
    const { length } = tokenizer.encode(text);
    if (length !== 1) {
      throw new SegueError(
        'INVALID_CONFIG',
        `rollout.stop: ${JSON.stringify(text)} is ${length} tokens of this policy, and only single tokens can stop a response`,
      );
    }
  }
  const stops = new Set([
    ...tokenizer.eosTokens,
    ...config.rollout.stop.flatMap((text) => [...tokenizer.encode(text)]),
  ]);
  if (stops.size > maxStopTokens) {
    throw new SegueError(
      'INVALID_CONFIG',
      `rollout.stop: with the tokens that end a response of this policy there are ${stops.size}, and at most ${maxStopTokens} can stop one`,
    );
  }
}
