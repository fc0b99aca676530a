// Original file: protos/segue/v1/actor.proto


export interface RefusedRun {
  'runId'?: (string);
  /**
   * The engine's word.
   */
  'reason'?: (string);
  /**
   * A few tasks are taken again at present, to see whether it still refuses them.
   */
  'isTried'?: (boolean);
}

export interface RefusedRun__Output {
  'runId': (string);
  /**
   * The engine's word.
   */
  'reason': (string);
  /**
   * A few tasks are taken again at present, to see whether it still refuses them.
   */
  'isTried': (boolean);
}
