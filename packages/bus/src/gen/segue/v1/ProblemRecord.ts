// Original file: protos/segue/v1/replay.proto

import type { Problem as _segue_v1_Problem, Problem__Output as _segue_v1_Problem__Output } from '../../segue/v1/Problem.js';

export interface ProblemRecord {
  'problem'?: (_segue_v1_Problem | null);
  /**
   * Responses judged so far, and how many were right.
   */
  'attempts'?: (number);
  'successes'?: (number);
  /**
   * Groups of this problem that are not yet complete.
   */
  'openGroups'?: (number);
  /**
   * Iteration that planned it last; absent when none did.
   */
  'lastIteration'?: (number);
  /**
   * Every member of a group of it was given up: it is not drawn until one of its dead letters is requeued.
   */
  'givenUp'?: (boolean);
  /**
   * Somebody requeued it: the next plan begins a group with it.
   */
  'requeued'?: (boolean);
  '_lastIteration'?: "lastIteration";
}

export interface ProblemRecord__Output {
  'problem': (_segue_v1_Problem__Output | null);
  /**
   * Responses judged so far, and how many were right.
   */
  'attempts': (number);
  'successes': (number);
  /**
   * Groups of this problem that are not yet complete.
   */
  'openGroups': (number);
  /**
   * Iteration that planned it last; absent when none did.
   */
  'lastIteration'?: (number);
  /**
   * Every member of a group of it was given up: it is not drawn until one of its dead letters is requeued.
   */
  'givenUp': (boolean);
  /**
   * Somebody requeued it: the next plan begins a group with it.
   */
  'requeued': (boolean);
  '_lastIteration'?: "lastIteration";
}
