// Original file: protos/segue/v1/common.proto

import type { TrajectoryState as _segue_v1_TrajectoryState, TrajectoryState__Output as _segue_v1_TrajectoryState__Output } from '../../segue/v1/TrajectoryState.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from '../../segue/v1/Segment.js';
import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from '../../segue/v1/Score.js';

/**
 * One response in the making, in full.
 */
export interface Trajectory {
  /**
   * `<group>-t<member>`.
   */
  'id'?: (string);
  'groupId'?: (string);
  'problemId'?: (string);
  /**
   * int32, little-endian.
   */
  'promptTokensLe'?: (Buffer | Uint8Array | string);
  'state'?: (_segue_v1_TrajectoryState);
  'segments'?: (_segue_v1_Segment)[];
  /**
   * Absent until judged.
   */
  'score'?: (_segue_v1_Score | null);
  /**
   * That of its problem; empty where it is not traced.
   */
  'traceParent'?: (string);
  '_score'?: "score";
}

/**
 * One response in the making, in full.
 */
export interface Trajectory__Output {
  /**
   * `<group>-t<member>`.
   */
  'id': (string);
  'groupId': (string);
  'problemId': (string);
  /**
   * int32, little-endian.
   */
  'promptTokensLe': (Buffer);
  'state': (_segue_v1_TrajectoryState__Output);
  'segments': (_segue_v1_Segment__Output)[];
  /**
   * Absent until judged.
   */
  'score'?: (_segue_v1_Score__Output | null);
  /**
   * That of its problem; empty where it is not traced.
   */
  'traceParent': (string);
  '_score'?: "score";
}
