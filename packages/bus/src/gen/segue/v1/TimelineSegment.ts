// Original file: protos/segue/v1/timeline.proto

import type { EndReason as _segue_v1_EndReason, EndReason__Output as _segue_v1_EndReason__Output } from '../../segue/v1/EndReason.js';

export interface TimelineSegment {
  'iteration'?: (number);
  'tokens'?: (number);
  'endReason'?: (_segue_v1_EndReason);
  'policyVersion'?: (number);
}

export interface TimelineSegment__Output {
  'iteration': (number);
  'tokens': (number);
  'endReason': (_segue_v1_EndReason__Output);
  'policyVersion': (number);
}
