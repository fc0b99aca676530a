// Original file: protos/segue/v1/replay.proto

import type { TrajectorySummary as _segue_v1_TrajectorySummary, TrajectorySummary__Output as _segue_v1_TrajectorySummary__Output } from '../../segue/v1/TrajectorySummary.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from '../../segue/v1/Segment.js';

export interface TrajectoryRecord {
  'summary'?: (_segue_v1_TrajectorySummary | null);
  /**
   * Tokens, log-probs and masks left out; `token_counts` has their number.
   */
  'segments'?: (_segue_v1_Segment)[];
  'tokenCounts'?: (number)[];
}

export interface TrajectoryRecord__Output {
  'summary': (_segue_v1_TrajectorySummary__Output | null);
  /**
   * Tokens, log-probs and masks left out; `token_counts` has their number.
   */
  'segments': (_segue_v1_Segment__Output)[];
  'tokenCounts': (number)[];
}
