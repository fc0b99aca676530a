// Original file: protos/segue/v1/controller.proto

import type { RunState as _segue_v1_RunState, RunState__Output as _segue_v1_RunState__Output } from '../../segue/v1/RunState.js';

export interface Run {
  'id'?: (string);
  'state'?: (_segue_v1_RunState);
  /**
   * Effective configuration as JSON.
   */
  'configJson'?: (string);
  /**
   * Iterations completed.
   */
  'iterations'?: (number);
  /**
   * Version that is active now; 0 is the starting policy.
   */
  'policyVersion'?: (number);
  'createdAtMs'?: (number | string);
  /**
   * For FAILED alone.
   */
  'error'?: (string);
  /**
   * Number of problems by purpose.
   */
  'trainProblems'?: (number);
  'evaluationProblems'?: (number);
  'warmupProblems'?: (number);
}

export interface Run__Output {
  'id': (string);
  'state': (_segue_v1_RunState__Output);
  /**
   * Effective configuration as JSON.
   */
  'configJson': (string);
  /**
   * Iterations completed.
   */
  'iterations': (number);
  /**
   * Version that is active now; 0 is the starting policy.
   */
  'policyVersion': (number);
  'createdAtMs': (number);
  /**
   * For FAILED alone.
   */
  'error': (string);
  /**
   * Number of problems by purpose.
   */
  'trainProblems': (number);
  'evaluationProblems': (number);
  'warmupProblems': (number);
}
