// Original file: protos/segue/v1/common.proto


/**
 * How tokens are drawn.
 */
export interface Sampling {
  /**
   * 0 is greedy.
   */
  'temperature'?: (number | string);
  /**
   * 0 means no limit.
   */
  'topK'?: (number);
  /**
   * 0 and 1 both mean no limit.
   */
  'topP'?: (number | string);
}

/**
 * How tokens are drawn.
 */
export interface Sampling__Output {
  /**
   * 0 is greedy.
   */
  'temperature': (number);
  /**
   * 0 means no limit.
   */
  'topK': (number);
  /**
   * 0 and 1 both mean no limit.
   */
  'topP': (number);
}
