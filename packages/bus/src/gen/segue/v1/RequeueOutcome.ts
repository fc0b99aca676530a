// Original file: protos/segue/v1/common.proto

export const RequeueOutcome = {
  REQUEUE_OUTCOME_UNSPECIFIED: 'REQUEUE_OUTCOME_UNSPECIFIED',
  /**
   * The trajectory goes on in the next plan, with its tries counted anew.
   */
  REQUEUE_OUTCOME_GENERATED_AGAIN: 'REQUEUE_OUTCOME_GENERATED_AGAIN',
  /**
   * The trajectory goes to the scorers again.
   */
  REQUEUE_OUTCOME_JUDGED_AGAIN: 'REQUEUE_OUTCOME_JUDGED_AGAIN',
  /**
   * Its group was trained on already: the next plan begins a new group with its problem.
   */
  REQUEUE_OUTCOME_PROBLEM_DRAWN_AGAIN: 'REQUEUE_OUTCOME_PROBLEM_DRAWN_AGAIN',
  /**
   * The message is on the bus again.
   */
  REQUEUE_OUTCOME_PUBLISHED_AGAIN: 'REQUEUE_OUTCOME_PUBLISHED_AGAIN',
} as const;

export type RequeueOutcome =
  | 'REQUEUE_OUTCOME_UNSPECIFIED'
  | 0
  /**
   * The trajectory goes on in the next plan, with its tries counted anew.
   */
  | 'REQUEUE_OUTCOME_GENERATED_AGAIN'
  | 1
  /**
   * The trajectory goes to the scorers again.
   */
  | 'REQUEUE_OUTCOME_JUDGED_AGAIN'
  | 2
  /**
   * Its group was trained on already: the next plan begins a new group with its problem.
   */
  | 'REQUEUE_OUTCOME_PROBLEM_DRAWN_AGAIN'
  | 3
  /**
   * The message is on the bus again.
   */
  | 'REQUEUE_OUTCOME_PUBLISHED_AGAIN'
  | 4

export type RequeueOutcome__Output = typeof RequeueOutcome[keyof typeof RequeueOutcome]
