// Original file: protos/segue/v1/replay.proto

import type { AppendOutcome as _segue_v1_AppendOutcome, AppendOutcome__Output as _segue_v1_AppendOutcome__Output } from '../../segue/v1/AppendOutcome.js';
import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from '../../segue/v1/Segment.js';

export interface AppendSegmentResponse {
  'outcome'?: (_segue_v1_AppendOutcome);
  /**
   * What the store holds for this index, when it holds one.
   */
  'kept'?: (_segue_v1_Segment | null);
  'detail'?: (string);
  '_kept'?: "kept";
}

export interface AppendSegmentResponse__Output {
  'outcome': (_segue_v1_AppendOutcome__Output);
  /**
   * What the store holds for this index, when it holds one.
   */
  'kept'?: (_segue_v1_Segment__Output | null);
  'detail': (string);
  '_kept'?: "kept";
}
