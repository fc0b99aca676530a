// Original file: protos/segue/v1/timeline.proto

import type { TrajectoryState as _segue_v1_TrajectoryState, TrajectoryState__Output as _segue_v1_TrajectoryState__Output } from '../../segue/v1/TrajectoryState.js';
import type { TimelineSegment as _segue_v1_TimelineSegment, TimelineSegment__Output as _segue_v1_TimelineSegment__Output } from '../../segue/v1/TimelineSegment.js';

export interface TimelineRow {
  'trajectoryId'?: (string);
  'state'?: (_segue_v1_TrajectoryState);
  /**
   * Absent: no verdict yet, or none.
   */
  'reward'?: (number | string);
  'segments'?: (_segue_v1_TimelineSegment)[];
  '_reward'?: "reward";
}

export interface TimelineRow__Output {
  'trajectoryId': (string);
  'state': (_segue_v1_TrajectoryState__Output);
  /**
   * Absent: no verdict yet, or none.
   */
  'reward'?: (number);
  'segments': (_segue_v1_TimelineSegment__Output)[];
  '_reward'?: "reward";
}
