// Original file: protos/segue/v1/common.proto

import type { ScoreStatus as _segue_v1_ScoreStatus, ScoreStatus__Output as _segue_v1_ScoreStatus__Output } from '../../segue/v1/ScoreStatus.js';

/**
 * A scorer's verdict.
 */
export interface Score {
  'trajectoryId'?: (string);
  'scorer'?: (string);
  'status'?: (_segue_v1_ScoreStatus);
  /**
   * Absent for TIMEOUT and ERROR: a failure is never a reward of zero.
   */
  'reward'?: (number | string);
  /**
   * What the scorer saw, for people: the extracted answer, or why it failed.
   */
  'detail'?: (string);
  'durationMs'?: (number | string);
  /**
   * That of the task of the reward queue which it answers, from 0. Absent where no task asked: in the answers of ScoreBatch.
   */
  'attempt'?: (number);
  '_reward'?: "reward";
  '_attempt'?: "attempt";
}

/**
 * A scorer's verdict.
 */
export interface Score__Output {
  'trajectoryId': (string);
  'scorer': (string);
  'status': (_segue_v1_ScoreStatus__Output);
  /**
   * Absent for TIMEOUT and ERROR: a failure is never a reward of zero.
   */
  'reward'?: (number);
  /**
   * What the scorer saw, for people: the extracted answer, or why it failed.
   */
  'detail': (string);
  'durationMs': (number);
  /**
   * That of the task of the reward queue which it answers, from 0. Absent where no task asked: in the answers of ScoreBatch.
   */
  'attempt'?: (number);
  '_reward'?: "reward";
  '_attempt'?: "attempt";
}
