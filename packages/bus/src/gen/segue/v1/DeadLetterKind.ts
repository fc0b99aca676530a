// Original file: protos/segue/v1/common.proto

export const DeadLetterKind = {
  DEAD_LETTER_KIND_UNSPECIFIED: 'DEAD_LETTER_KIND_UNSPECIFIED',
  /**
   * A trajectory that was given up: every try of its next segment failed or was lost with its actor.
   */
  DEAD_LETTER_KIND_TRAJECTORY: 'DEAD_LETTER_KIND_TRAJECTORY',
  /**
   * A finished trajectory that no scorer came to a verdict on.
   */
  DEAD_LETTER_KIND_SCORE: 'DEAD_LETTER_KIND_SCORE',
  /**
   * A bus message that nobody could read or use.
   */
  DEAD_LETTER_KIND_MESSAGE: 'DEAD_LETTER_KIND_MESSAGE',
} as const;

export type DeadLetterKind =
  | 'DEAD_LETTER_KIND_UNSPECIFIED'
  | 0
  /**
   * A trajectory that was given up: every try of its next segment failed or was lost with its actor.
   */
  | 'DEAD_LETTER_KIND_TRAJECTORY'
  | 1
  /**
   * A finished trajectory that no scorer came to a verdict on.
   */
  | 'DEAD_LETTER_KIND_SCORE'
  | 2
  /**
   * A bus message that nobody could read or use.
   */
  | 'DEAD_LETTER_KIND_MESSAGE'
  | 3

export type DeadLetterKind__Output = typeof DeadLetterKind[keyof typeof DeadLetterKind]
