/** The gRPC face of the scorer: every call of segue.v1.RewardScorer, as protos/segue/v1/reward.proto describes it. */
import type { Handlers } from '@segue/bus';
import { type RewardApi, type Score, SegueError } from '@segue/core';
import { type JudgeRules, judge } from './judge.js';
import type { Pool } from './pool.js';
import { requireScorer, type Scorers } from './scorers/index.js';

/** Responses in one call at most. */
const maxBatch = 16_384;

export interface RewardServiceParts {
  readonly scorers: Scorers;
  readonly pool: Pool;
  readonly rules: JudgeRules;
  readonly onVerdict?: (score: Score) => void;
}

export function rewardHandlers({ scorers, pool, rules, onVerdict }: RewardServiceParts): Handlers<RewardApi> {
  return {
    async scoreBatch({ requests }, { signal }) {
      if (requests.length > maxBatch) {
        throw new SegueError('INVALID_INPUT', `a batch holds at most ${maxBatch} requests, got ${requests.length}`);
      }
      const known = requests.map(({ scorer }, i) => requireScorer(scorers, scorer, `request ${i}`));
      const judged = known.map((scorer, i) => pool.run(() => judge(scorer, requests[i]!, rules, signal)));
      const scores = await Promise.all(judged);
      for (const score of scores) onVerdict?.(score);
      return { scores };
    },
    listScorers: async () => ({ scorers: scorers.describe() }),
  };
}
