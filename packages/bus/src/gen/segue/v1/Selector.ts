// Original file: protos/segue/v1/replay.proto

export const Selector = {
  /**
   * Read as UNIFORM.
   */
  SELECTOR_UNSPECIFIED: 'SELECTOR_UNSPECIFIED',
  SELECTOR_UNIFORM: 'SELECTOR_UNIFORM',
  /**
   * Oldest first.
   */
  SELECTOR_FIFO: 'SELECTOR_FIFO',
  /**
   * Newest first.
   */
  SELECTOR_LIFO: 'SELECTOR_LIFO',
  /**
   * Proportional to 1 - success rate of the problem, with a floor of 0.05.
   */
  SELECTOR_PRIORITIZED: 'SELECTOR_PRIORITIZED',
} as const;

export type Selector =
  /**
   * Read as UNIFORM.
   */
  | 'SELECTOR_UNSPECIFIED'
  | 0
  | 'SELECTOR_UNIFORM'
  | 1
  /**
   * Oldest first.
   */
  | 'SELECTOR_FIFO'
  | 2
  /**
   * Newest first.
   */
  | 'SELECTOR_LIFO'
  | 3
  /**
   * Proportional to 1 - success rate of the problem, with a floor of 0.05.
   */
  | 'SELECTOR_PRIORITIZED'
  | 4

export type Selector__Output = typeof Selector[keyof typeof Selector]
