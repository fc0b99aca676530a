// Original file: protos/segue/v1/replay.proto

import type { Long } from '@grpc/proto-loader';

export interface IterationProgress {
  /**
   * Tasks that have a committed segment of this iteration.
   */
  'committedTasks'?: (number);
  /**
   * Ids of tasks without one.
   */
  'openTrajectoryIds'?: (string)[];
  /**
   * Groups, of any iteration, that are complete and not consumed; and those of them with unequal rewards.
   */
  'completeGroups'?: (number);
  'usefulGroups'?: (number);
  /**
   * Finished trajectories without a verdict.
   */
  'awaitingScore'?: (number);
  /**
   * Tokens generated in this iteration.
   */
  'generatedTokens'?: (number | string | Long);
  'reprefilledTokens'?: (number | string | Long);
  'promptTokens'?: (number | string | Long);
  /**
   * Segments of this iteration by end reason name.
   */
  'segmentsByEndReason'?: ({[key: string]: number});
  /**
   * Segments committed in this iteration by actor.
   */
  'segmentsByActor'?: ({[key: string]: number});
  /**
   * Finished in this iteration: how many, their mean reward over judged ones, response tokens, spans.
   */
  'finishedTrajectories'?: (number);
  'spanningTrajectories'?: (number);
  'rewardSum'?: (number | string);
  'judged'?: (number);
  /**
   * Response lengths of what finished in this iteration: uint32, little-endian.
   */
  'responseTokensLe'?: (Buffer | Uint8Array | string);
  /**
   * Those of useful_groups ahead of which, by index, no group still owes a segment of this iteration or a verdict.
   */
  'usefulGroupsInOrder'?: (number);
  /**
   * Groups, of any iteration, of which every member is over and that wait for verdicts alone: another of the verdicts that are awaited completes
   * nothing in this iteration. Left out by earlier versions.
   */
  'groupsAwaitingScore'?: (number);
  '_groupsAwaitingScore'?: "groupsAwaitingScore";
}

export interface IterationProgress__Output {
  /**
   * Tasks that have a committed segment of this iteration.
   */
  'committedTasks': (number);
  /**
   * Ids of tasks without one.
   */
  'openTrajectoryIds': (string)[];
  /**
   * Groups, of any iteration, that are complete and not consumed; and those of them with unequal rewards.
   */
  'completeGroups': (number);
  'usefulGroups': (number);
  /**
   * Finished trajectories without a verdict.
   */
  'awaitingScore': (number);
  /**
   * Tokens generated in this iteration.
   */
  'generatedTokens': (number);
  'reprefilledTokens': (number);
  'promptTokens': (number);
  /**
   * Segments of this iteration by end reason name.
   */
  'segmentsByEndReason': ({[key: string]: number});
  /**
   * Segments committed in this iteration by actor.
   */
  'segmentsByActor': ({[key: string]: number});
  /**
   * Finished in this iteration: how many, their mean reward over judged ones, response tokens, spans.
   */
  'finishedTrajectories': (number);
  'spanningTrajectories': (number);
  'rewardSum': (number);
  'judged': (number);
  /**
   * Response lengths of what finished in this iteration: uint32, little-endian.
   */
  'responseTokensLe': (Buffer);
  /**
   * Those of useful_groups ahead of which, by index, no group still owes a segment of this iteration or a verdict.
   */
  'usefulGroupsInOrder': (number);
  /**
   * Groups, of any iteration, of which every member is over and that wait for verdicts alone: another of the verdicts that are awaited completes
   * nothing in this iteration. Left out by earlier versions.
   */
  'groupsAwaitingScore'?: (number);
  '_groupsAwaitingScore'?: "groupsAwaitingScore";
}
