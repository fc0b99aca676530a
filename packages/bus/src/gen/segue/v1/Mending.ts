// Original file: protos/segue/v1/keeping.proto

export const Mending = {
  MENDING_UNSPECIFIED: 'MENDING_UNSPECIFIED',
  /**
   * The trajectory is cut back to its last good segment and goes on from there.
   */
  MENDING_GENERATE_AGAIN: 'MENDING_GENERATE_AGAIN',
  /**
   * The verdict is asked for again.
   */
  MENDING_SCORE_AGAIN: 'MENDING_SCORE_AGAIN',
  /**
   * The row is made anew from other rows.
   */
  MENDING_REBUILT: 'MENDING_REBUILT',
  /**
   * Nothing can be done here: `detail` says what a person can do.
   */
  MENDING_NONE: 'MENDING_NONE',
} as const;

export type Mending =
  | 'MENDING_UNSPECIFIED'
  | 0
  /**
   * The trajectory is cut back to its last good segment and goes on from there.
   */
  | 'MENDING_GENERATE_AGAIN'
  | 1
  /**
   * The verdict is asked for again.
   */
  | 'MENDING_SCORE_AGAIN'
  | 2
  /**
   * The row is made anew from other rows.
   */
  | 'MENDING_REBUILT'
  | 3
  /**
   * Nothing can be done here: `detail` says what a person can do.
   */
  | 'MENDING_NONE'
  | 4

export type Mending__Output = typeof Mending[keyof typeof Mending]
