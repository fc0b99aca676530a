// Original file: protos/segue/v1/replay.proto

import type { RunRecord as _segue_v1_RunRecord, RunRecord__Output as _segue_v1_RunRecord__Output } from '../../segue/v1/RunRecord.js';

export interface PutRunRequest {
  'run'?: (_segue_v1_RunRecord | null);
  /**
   * Absent: create.
   */
  'expectedRevision'?: (number);
  '_expectedRevision'?: "expectedRevision";
}

export interface PutRunRequest__Output {
  'run': (_segue_v1_RunRecord__Output | null);
  /**
   * Absent: create.
   */
  'expectedRevision'?: (number);
  '_expectedRevision'?: "expectedRevision";
}
