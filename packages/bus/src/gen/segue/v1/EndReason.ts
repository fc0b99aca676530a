// Original file: protos/segue/v1/common.proto

/**
 * Why a segment ended. The first of stop, repeat, length, budget, yield that applies is written.
 */
export const EndReason = {
  END_REASON_UNSPECIFIED: 'END_REASON_UNSPECIFIED',
  /**
   * End-of-sequence or stop token. Terminal.
   */
  END_REASON_STOP: 'END_REASON_STOP',
  /**
   * Repetition found while generating. Terminal.
   */
  END_REASON_REPEAT: 'END_REASON_REPEAT',
  /**
   * Cap of the whole response, or the last allowed iteration. Terminal.
   */
  END_REASON_LENGTH: 'END_REASON_LENGTH',
  /**
   * Token budget of this iteration. Goes on in a later iteration.
   */
  END_REASON_BUDGET: 'END_REASON_BUDGET',
  /**
   * The iteration was closed early, or the actor drained. Goes on in a later iteration.
   */
  END_REASON_YIELD: 'END_REASON_YIELD',
  /**
   * The attempt failed. Tried again a bounded number of times, never trained on.
   */
  END_REASON_ERROR: 'END_REASON_ERROR',
} as const;

/**
 * Why a segment ended. The first of stop, repeat, length, budget, yield that applies is written.
 */
export type EndReason =
  | 'END_REASON_UNSPECIFIED'
  | 0
  /**
   * End-of-sequence or stop token. Terminal.
   */
  | 'END_REASON_STOP'
  | 1
  /**
   * Repetition found while generating. Terminal.
   */
  | 'END_REASON_REPEAT'
  | 2
  /**
   * Cap of the whole response, or the last allowed iteration. Terminal.
   */
  | 'END_REASON_LENGTH'
  | 3
  /**
   * Token budget of this iteration. Goes on in a later iteration.
   */
  | 'END_REASON_BUDGET'
  | 4
  /**
   * The iteration was closed early, or the actor drained. Goes on in a later iteration.
   */
  | 'END_REASON_YIELD'
  | 5
  /**
   * The attempt failed. Tried again a bounded number of times, never trained on.
   */
  | 'END_REASON_ERROR'
  | 6

/**
 * Why a segment ended. The first of stop, repeat, length, budget, yield that applies is written.
 */
export type EndReason__Output = typeof EndReason[keyof typeof EndReason]
