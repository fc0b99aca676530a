// Original file: protos/segue/v1/controller.proto


export interface Waiting {
  /**
   * "segments", "scores", "actor", "trainer", "weights".
   */
  'what'?: (string);
  /**
   * Who owes it; empty when not one process.
   */
  'from'?: (string);
  'sinceMs'?: (number | string);
  'count'?: (number);
}

export interface Waiting__Output {
  /**
   * "segments", "scores", "actor", "trainer", "weights".
   */
  'what': (string);
  /**
   * Who owes it; empty when not one process.
   */
  'from': (string);
  'sinceMs': (number);
  'count': (number);
}
