// Original file: protos/segue/v1/controller.proto

import type { SubmitProblemsHeader as _segue_v1_SubmitProblemsHeader, SubmitProblemsHeader__Output as _segue_v1_SubmitProblemsHeader__Output } from '../../segue/v1/SubmitProblemsHeader.js';
import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from '../../segue/v1/Problem.js';

export interface SubmitProblemsRequest {
  /**
   * The first message of the stream, exactly once.
   */
  'header'?: (_segue_v1_SubmitProblemsHeader | null);
  'problem'?: (_segue_v1_Problem | null);
  'message'?: "header"|"problem";
}

export interface SubmitProblemsRequest__Output {
  /**
   * The first message of the stream, exactly once.
   */
  'header'?: (_segue_v1_SubmitProblemsHeader__Output | null);
  'problem'?: (_segue_v1_Problem__Output | null);
  'message'?: "header"|"problem";
}
