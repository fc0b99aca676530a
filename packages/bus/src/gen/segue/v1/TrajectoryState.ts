// Original file: protos/segue/v1/common.proto

export const TrajectoryState = {
  TRAJECTORY_STATE_UNSPECIFIED: 'TRAJECTORY_STATE_UNSPECIFIED',
  /**
   * Planned, no segment yet.
   */
  TRAJECTORY_STATE_PENDING: 'TRAJECTORY_STATE_PENDING',
  /**
   * Has segments, goes on.
   */
  TRAJECTORY_STATE_UNFINISHED: 'TRAJECTORY_STATE_UNFINISHED',
  /**
   * Over, waits for its score.
   */
  TRAJECTORY_STATE_FINISHED: 'TRAJECTORY_STATE_FINISHED',
  TRAJECTORY_STATE_SCORED: 'TRAJECTORY_STATE_SCORED',
  /**
   * Given up after repeated errors, or its score failed: left out of its group.
   */
  TRAJECTORY_STATE_FAILED: 'TRAJECTORY_STATE_FAILED',
} as const;

export type TrajectoryState =
  | 'TRAJECTORY_STATE_UNSPECIFIED'
  | 0
  /**
   * Planned, no segment yet.
   */
  | 'TRAJECTORY_STATE_PENDING'
  | 1
  /**
   * Has segments, goes on.
   */
  | 'TRAJECTORY_STATE_UNFINISHED'
  | 2
  /**
   * Over, waits for its score.
   */
  | 'TRAJECTORY_STATE_FINISHED'
  | 3
  | 'TRAJECTORY_STATE_SCORED'
  | 4
  /**
   * Given up after repeated errors, or its score failed: left out of its group.
   */
  | 'TRAJECTORY_STATE_FAILED'
  | 5

export type TrajectoryState__Output = typeof TrajectoryState[keyof typeof TrajectoryState]
