// Original file: protos/segue/v1/common.proto

/**
 * What a problem is for.
 */
export const ProblemPurpose = {
  /**
   * Read as TRAIN.
   */
  PROBLEM_PURPOSE_UNSPECIFIED: 'PROBLEM_PURPOSE_UNSPECIFIED',
  /**
   * Sampled by reinforcement learning.
   */
  PROBLEM_PURPOSE_TRAIN: 'PROBLEM_PURPOSE_TRAIN',
  /**
   * Held out: evaluation only.
   */
  PROBLEM_PURPOSE_EVALUATION: 'PROBLEM_PURPOSE_EVALUATION',
  /**
   * A worked example for the supervised warm-up; `response` must be set.
   */
  PROBLEM_PURPOSE_WARMUP: 'PROBLEM_PURPOSE_WARMUP',
} as const;

/**
 * What a problem is for.
 */
export type ProblemPurpose =
  /**
   * Read as TRAIN.
   */
  | 'PROBLEM_PURPOSE_UNSPECIFIED'
  | 0
  /**
   * Sampled by reinforcement learning.
   */
  | 'PROBLEM_PURPOSE_TRAIN'
  | 1
  /**
   * Held out: evaluation only.
   */
  | 'PROBLEM_PURPOSE_EVALUATION'
  | 2
  /**
   * A worked example for the supervised warm-up; `response` must be set.
   */
  | 'PROBLEM_PURPOSE_WARMUP'
  | 3

/**
 * What a problem is for.
 */
export type ProblemPurpose__Output = typeof ProblemPurpose[keyof typeof ProblemPurpose]
