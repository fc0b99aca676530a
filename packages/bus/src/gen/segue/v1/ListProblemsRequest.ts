// Original file: protos/segue/v1/replay.proto

import type { ProblemPurpose as _segue_v1_ProblemPurpose, ProblemPurpose__Output as _segue_v1_ProblemPurpose__Output } from '../../segue/v1/ProblemPurpose.js';

export interface ListProblemsRequest {
  'runId'?: (string);
  /**
   * UNSPECIFIED: all.
   */
  'purpose'?: (_segue_v1_ProblemPurpose);
}

export interface ListProblemsRequest__Output {
  'runId': (string);
  /**
   * UNSPECIFIED: all.
   */
  'purpose': (_segue_v1_ProblemPurpose__Output);
}
