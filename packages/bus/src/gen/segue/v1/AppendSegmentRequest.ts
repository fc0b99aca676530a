// Original file: protos/segue/v1/replay.proto

import type { Segment as _segue_v1_Segment, Segment__Output as _segue_v1_Segment__Output } from '../../segue/v1/Segment.js';

export interface AppendSegmentRequest {
  'runId'?: (string);
  'segment'?: (_segue_v1_Segment | null);
}

export interface AppendSegmentRequest__Output {
  'runId': (string);
  'segment': (_segue_v1_Segment__Output | null);
}
