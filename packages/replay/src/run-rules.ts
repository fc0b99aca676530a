/** What of a run's configuration the store needs; the defaults when it cannot be read. */
import { runConfigSchema } from '@segue/core';

export interface RunRules {
  readonly seed: number;
  readonly minUsable: number;
  readonly keepEqual: boolean;
  readonly partial: boolean;
  readonly maxSpan: number;
}

export function runRules(configJson: string): RunRules {
  const { seed, train, rollout } = runConfigSchema.safeParse(parseJson(configJson)).data ?? runConfigSchema.parse({});
  const { minUsableMembers: minUsable, keepEqualGroups: keepEqual } = train;
  return { seed, minUsable, keepEqual, partial: rollout.partial, maxSpan: rollout.maxSpan };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
