/**
 * When a rollout phase is over, what its batch waits for then, and what its tasks are allowed. Pure: the caller watches the store and the clock.
 */
import type { IterationProgress } from '../records.js';
import type { RunConfig } from '../run-config.js';

type RolloutRules = RunConfig['rollout'];

/** Why a rollout phase was closed. */
export type ClosingReason = 'enough-groups' | 'all-ended' | 'scores-late';

export interface ClosingState {
  readonly progress: Pick<
    IterationProgress,
    'usefulGroups' | 'usefulGroupsInOrder' | 'awaitingScore' | 'groupsAwaitingScore'
  >;
  /** Planned tasks that still owe a segment of this iteration; those that were given up owe none. */
  readonly owedTasks: number;
  /** For how long no task has owed a segment; 0 while one does. */
  readonly endedForMs: number;
  /** How long the phase stays open for verdicts once every task has ended; for how long its batch waits then, `awaitsVerdicts` says. */
  readonly scoreWaitMs: number;
  readonly rules: Pick<RolloutRules, 'groupsPerIteration' | 'partial' | 'closeWhen'>;
}

/** Verdicts that would complete no group are waited for no longer than this: those that come in time count in the iteration. */
const briefWaitMs = 2_000;

/**
 * The closing rule: enough useful groups are complete, or every planned task has ended its segment and is judged. `closeWhen: all` and a
 * run without partial rollouts know the second case alone. `oldest-groups` counts a group when none ahead of it may still complete in this
 * iteration: what trains then depends on the order of issue, not on who is done first, which would prefer short responses. null: the phase
 * goes on.
 */
export function closingReason(state: ClosingState): ClosingReason | null {
  const { rules, progress } = state;
  const { awaitingScore, groupsAwaitingScore = awaitingScore } = progress;
  const counted = rules.closeWhen === 'oldest-groups' ? progress.usefulGroupsInOrder : progress.usefulGroups;
  const early = rules.partial && rules.closeWhen !== 'all';
  if (early && counted >= rules.groupsPerIteration) return 'enough-groups';
  if (state.owedTasks > 0) return null;
  if (awaitingScore === 0) return 'all-ended';
  const waitMs = groupsAwaitingScore === 0 ? Math.min(state.scoreWaitMs, briefWaitMs) : state.scoreWaitMs;
  return state.endedForMs >= waitMs ? 'scores-late' : null;
}

export interface VerdictState {
  readonly progress: Pick<IterationProgress, 'usefulGroups' | 'awaitingScore' | 'groupsAwaitingScore'>;
  /** No useful group was complete when the wait began. */
  readonly wasEmpty: boolean;
  /** Verdicts that come later count in no iteration. */
  readonly isLastIteration: boolean;
  /** For how long no verdict has come. */
  readonly silentForMs: number;
  /** Longest silence where the batch is not empty. */
  readonly scoreWaitMs: number;
  readonly groupsPerIteration: number;
}

/**
 * Whether the batch of a closed iteration waits for verdicts. Scorers that are away must not use up the iterations of a run: a batch that would be
 * empty waits for as long as it takes, then for enough groups while verdicts keep coming. In the last iteration so does one that was not empty.
 * Verdicts that complete no group are not waited for: where siblings are still to be generated, the next iteration does that.
 */
export function awaitsVerdicts(state: VerdictState): boolean {
  const { usefulGroups, awaitingScore, groupsAwaitingScore = awaitingScore } = state.progress;
  if (groupsAwaitingScore === 0 || usefulGroups >= state.groupsPerIteration) return false;
  if (state.wasEmpty && usefulGroups === 0) return true;
  return (state.wasEmpty || state.isLastIteration) && state.silentForMs < state.scoreWaitMs;
}

/** New tokens that a task may generate in one iteration, and response tokens over all of them: without partial rollouts both are the cap. */
export function tokenLimits(rules: Pick<RolloutRules, 'partial' | 'tokenBudget' | 'maxResponseTokens'>): {
  readonly budgetTokens: number;
  readonly capTokens: number;
} {
  const capTokens = rules.maxResponseTokens;
  return { budgetTokens: rules.partial ? Math.min(rules.tokenBudget, capTokens) : capTokens, capTokens };
}
