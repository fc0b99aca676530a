// Original file: protos/segue/v1/controller.proto


export interface Waiting {
  /**
   * "segments", "scores", "actor", "trainer", "weights", "retry", "turn".
   */
  'what'?: (string);
  /**
   * Who owes it, several by commas: actors by id, or the queue in which it lies ("rollout queue", "lost lease"). Empty when nobody is known.
   */
  'from'?: (string);
  'sinceMs'?: (number | string);
  'count'?: (number);
}

export interface Waiting__Output {
  /**
   * "segments", "scores", "actor", "trainer", "weights", "retry", "turn".
   */
  'what': (string);
  /**
   * Who owes it, several by commas: actors by id, or the queue in which it lies ("rollout queue", "lost lease"). Empty when nobody is known.
   */
  'from': (string);
  'sinceMs': (number);
  'count': (number);
}
