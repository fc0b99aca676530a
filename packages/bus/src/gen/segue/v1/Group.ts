// Original file: protos/segue/v1/common.proto


/**
 * The k responses of one problem.
 */
export interface Group {
  /**
   * `<run>-g<index>`.
   */
  'id'?: (string);
  'runId'?: (string);
  'index'?: (number);
  'problemId'?: (string);
  /**
   * Number of members, k.
   */
  'size'?: (number);
  /**
   * Iteration that planned it.
   */
  'iteration'?: (number);
}

/**
 * The k responses of one problem.
 */
export interface Group__Output {
  /**
   * `<run>-g<index>`.
   */
  'id': (string);
  'runId': (string);
  'index': (number);
  'problemId': (string);
  /**
   * Number of members, k.
   */
  'size': (number);
  /**
   * Iteration that planned it.
   */
  'iteration': (number);
}
