// Original file: protos/segue/v1/controller.proto

import type { Sampling as _segue_v1_Sampling, Sampling__Output as _segue_v1_Sampling__Output } from '../../segue/v1/Sampling.js';

export interface EvaluateRequest {
  'runId'?: (string);
  /**
   * Absent: the active version.
   */
  'policyVersion'?: (number);
  /**
   * Problems taken from the evaluation set, in its order; 0 means all.
   */
  'maxProblems'?: (number);
  /**
   * Samples per problem; 0 means 1. Problems times samples is at most the controller's maxEvaluationResponses (100,000): INVALID_ARGUMENT.
   * So is the sum over all calls under way: RESOURCE_EXHAUSTED, with a time after which to ask again.
   */
  'samples'?: (number);
  /**
   * Absent: the run's sampling.
   */
  'sampling'?: (_segue_v1_Sampling | null);
  '_policyVersion'?: "policyVersion";
  '_sampling'?: "sampling";
}

export interface EvaluateRequest__Output {
  'runId': (string);
  /**
   * Absent: the active version.
   */
  'policyVersion'?: (number);
  /**
   * Problems taken from the evaluation set, in its order; 0 means all.
   */
  'maxProblems': (number);
  /**
   * Samples per problem; 0 means 1. Problems times samples is at most the controller's maxEvaluationResponses (100,000): INVALID_ARGUMENT.
   * So is the sum over all calls under way: RESOURCE_EXHAUSTED, with a time after which to ask again.
   */
  'samples': (number);
  /**
   * Absent: the run's sampling.
   */
  'sampling'?: (_segue_v1_Sampling__Output | null);
  '_policyVersion'?: "policyVersion";
  '_sampling'?: "sampling";
}
