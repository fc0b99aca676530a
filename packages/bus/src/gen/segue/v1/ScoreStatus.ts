// Original file: protos/segue/v1/common.proto

export const ScoreStatus = {
  SCORE_STATUS_UNSPECIFIED: 'SCORE_STATUS_UNSPECIFIED',
  /**
   * Judged, reward above zero.
   */
  SCORE_STATUS_OK: 'SCORE_STATUS_OK',
  /**
   * Judged, reward zero.
   */
  SCORE_STATUS_WRONG: 'SCORE_STATUS_WRONG',
  /**
   * The scorer ran out of time: the trajectory is masked.
   */
  SCORE_STATUS_TIMEOUT: 'SCORE_STATUS_TIMEOUT',
  /**
   * The scorer or its infrastructure failed: the trajectory is masked.
   */
  SCORE_STATUS_ERROR: 'SCORE_STATUS_ERROR',
} as const;

export type ScoreStatus =
  | 'SCORE_STATUS_UNSPECIFIED'
  | 0
  /**
   * Judged, reward above zero.
   */
  | 'SCORE_STATUS_OK'
  | 1
  /**
   * Judged, reward zero.
   */
  | 'SCORE_STATUS_WRONG'
  | 2
  /**
   * The scorer ran out of time: the trajectory is masked.
   */
  | 'SCORE_STATUS_TIMEOUT'
  | 3
  /**
   * The scorer or its infrastructure failed: the trajectory is masked.
   */
  | 'SCORE_STATUS_ERROR'
  | 4

export type ScoreStatus__Output = typeof ScoreStatus[keyof typeof ScoreStatus]
