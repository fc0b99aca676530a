// Original file: protos/segue/v1/timeline.proto

import type { TimelineRow as _segue_v1_TimelineRow, TimelineRow__Output as _segue_v1_TimelineRow__Output } from '../../segue/v1/TimelineRow.js';

export interface TimelineRows {
  'rows'?: (_segue_v1_TimelineRow)[];
}

export interface TimelineRows__Output {
  'rows': (_segue_v1_TimelineRow__Output)[];
}
