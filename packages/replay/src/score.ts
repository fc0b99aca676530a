/**
 * The rules for verdicts: which one a trajectory keeps, when a failing scorer makes it fail, when a group is complete. Pure.
 * A failed verdict is tried again a bounded number of times and then leaves the trajectory out of its group; it is never a reward of zero.
 */
import { type Score, SegueError } from '@segue/core';
import type { GroupRow, ProblemTally, TrajectoryRow } from './rows.js';

/** Failed verdicts after which a trajectory is given up. */
export const maxScoreTries = 3;

/** Refuses a verdict that no scorer may give. */
export function requireScore(score: Score): void {
  const judged = isJudged(score);
  if (judged && (score.reward === null || !Number.isFinite(score.reward))) {
    throw new SegueError(
      'INVALID_INPUT',
      `score of ${score.trajectoryId}: status ${score.status} needs a finite reward`,
    );
  }
  if (!judged && score.reward !== null) {
    throw new SegueError(
      'INVALID_INPUT',
      `score of ${score.trajectoryId}: status ${score.status} has no reward, a failure is never a number`,
    );
  }
}

/** A scorer came to a verdict. */
export function isJudged(score: Score): boolean {
  return score.status === 'ok' || score.status === 'wrong';
}

/** Whether the trajectory takes a verdict. Throws FAILED_PRECONDITION when it is not over yet. */
export function canRecordScore(score: Score, trajectory: TrajectoryRow): boolean {
  if (trajectory.state === 'pending' || trajectory.state === 'unfinished') {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `${trajectory.id} is ${trajectory.state}: only a finished one is judged`,
    );
  }
  return trajectory.state === 'finished' && (isJudged(score) || !isRepeated(score, trajectory));
}

/** Attempt of the task that a finished trajectory waits for. */
export function scoreAttempt({ nextScoreAttempt, scoreTries }: TrajectoryRow): number {
  return nextScoreAttempt ?? scoreTries;
}

/**
 * A failed verdict that was counted. The queue delivers tasks and verdicts again, so that one task may have several verdicts: one counts. Those that name
 * no task (of older scorers, and of calls) are told apart by what they say.
 */
function isRepeated(score: Score, trajectory: TrajectoryRow): boolean {
  if (score.attempt !== undefined) return score.attempt !== scoreAttempt(trajectory);
  const kept = trajectory.score;
  return (
    kept !== null &&
    score.status === kept.status &&
    score.detail === kept.detail &&
    score.durationMs === kept.durationMs
  );
}

/** The trajectory without a verdict. Attempts go on, also of a row of before that has counted none: late verdicts of the old ones are not to count. */
export function unjudged(trajectory: TrajectoryRow): TrajectoryRow {
  return { ...trajectory, score: null, scoreTries: 0, nextScoreAttempt: scoreAttempt(trajectory) };
}

/** The trajectory with a verdict that it takes. */
export function withScore(trajectory: TrajectoryRow, score: Score): TrajectoryRow {
  if (isJudged(score)) return { ...trajectory, score, state: 'scored' };
  const scoreTries = trajectory.scoreTries + 1;
  const state = scoreTries >= maxScoreTries ? 'failed' : trajectory.state;
  return { ...trajectory, score, scoreTries, nextScoreAttempt: scoreAttempt(trajectory) + 1, state };
}

/** The problem's success, with one more verdict. */
export function withVerdict(tally: ProblemTally, score: Score): ProblemTally {
  return {
    ...tally,
    attempts: tally.attempts + 1,
    successes: tally.successes + (score.status === 'ok' ? 1 : 0),
  };
}

/** Whether every member is over: judged, or failed. */
export function isGroupComplete(members: readonly TrajectoryRow[]): boolean {
  return members.every(({ state }) => state === 'scored' || state === 'failed');
}

/** The group when all its members are over. Failed ones do not count as usable. */
export function withMembersOver(group: GroupRow, members: readonly TrajectoryRow[]): GroupRow {
  const rewards = members.flatMap(({ state, score }) =>
    state === 'scored' && score !== null && score.reward !== null ? [score.reward] : [],
  );
  return {
    ...group,
    state: 'complete',
    usable: rewards.length,
    unequal: rewards.some((reward) => reward !== rewards[0]),
  };
}

/** What a run asks of a group before it trains on it. */
export interface UsefulRules {
  /** Members with a verdict that a group needs. */
  readonly minUsable: number;
  /** Keep groups whose rewards are all equal. */
  readonly keepEqual: boolean;
}

/** Why a complete group is not trained on; null when it is. */
export function filterReason(group: GroupRow, rules: UsefulRules): 'unusable' | 'equal' | null {
  if (group.usable < rules.minUsable) return 'unusable';
  if (!group.unequal && !rules.keepEqual) return 'equal';
  return null;
}
