/** Contradictions of a run's configuration that show only between its sections, or only once its policy is there. */
import { type PolicyVersionInfo, type RunConfig, SegueError } from '@segue/core';
import type { Tokenizers } from './tokenizers.js';

/** Throws INVALID_CONFIG, naming the keys, when a run could never work. */
export function requireRunnable(config: RunConfig): void {
  const { policy, rollout } = config;
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

/** Throws INVALID_CONFIG when a stop text is not one token of the policy. */
export async function requireStopTokens(
  tokenizers: Tokenizers,
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
}
