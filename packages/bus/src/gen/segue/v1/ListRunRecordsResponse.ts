// Original file: protos/segue/v1/replay.proto

import type { RunRecord as _segue_v1_RunRecord, RunRecord__Output as _segue_v1_RunRecord__Output } from '../../segue/v1/RunRecord.js';

export interface ListRunRecordsResponse {
  'runs'?: (_segue_v1_RunRecord)[];
}

export interface ListRunRecordsResponse__Output {
  'runs': (_segue_v1_RunRecord__Output)[];
}
