// Original file: protos/segue/v1/replay.proto

import type { PutProblemsHeader as _segue_v1_PutProblemsHeader, PutProblemsHeader__Output as _segue_v1_PutProblemsHeader__Output } from '../../segue/v1/PutProblemsHeader.js';
import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from '../../segue/v1/Problem.js';

export interface PutProblemsRequest {
  'header'?: (_segue_v1_PutProblemsHeader | null);
  'problem'?: (_segue_v1_Problem | null);
  'message'?: "header"|"problem";
}

export interface PutProblemsRequest__Output {
  'header'?: (_segue_v1_PutProblemsHeader__Output | null);
  'problem'?: (_segue_v1_Problem__Output | null);
  'message'?: "header"|"problem";
}
