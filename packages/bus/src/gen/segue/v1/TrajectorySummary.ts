// Original file: protos/segue/v1/common.proto

import type { TrajectoryState as _segue_v1_TrajectoryState, TrajectoryState__Output as _segue_v1_TrajectoryState__Output } from '../../segue/v1/TrajectoryState.js';
import type { EndReason as _segue_v1_EndReason, EndReason__Output as _segue_v1_EndReason__Output } from '../../segue/v1/EndReason.js';

/**
 * A trajectory without its tokens.
 */
export interface TrajectorySummary {
  'id'?: (string);
  'groupId'?: (string);
  'problemId'?: (string);
  'state'?: (_segue_v1_TrajectoryState);
  'segmentCount'?: (number);
  'responseTokens'?: (number);
  'firstIteration'?: (number);
  'lastIteration'?: (number);
  /**
   * UNSPECIFIED while there is no segment.
   */
  'endReason'?: (_segue_v1_EndReason);
  /**
   * Failed tries of the next segment.
   */
  'errors'?: (number);
  'reward'?: (number | string);
  '_reward'?: "reward";
}

/**
 * A trajectory without its tokens.
 */
export interface TrajectorySummary__Output {
  'id': (string);
  'groupId': (string);
  'problemId': (string);
  'state': (_segue_v1_TrajectoryState__Output);
  'segmentCount': (number);
  'responseTokens': (number);
  'firstIteration': (number);
  'lastIteration': (number);
  /**
   * UNSPECIFIED while there is no segment.
   */
  'endReason': (_segue_v1_EndReason__Output);
  /**
   * Failed tries of the next segment.
   */
  'errors': (number);
  'reward'?: (number);
  '_reward'?: "reward";
}
