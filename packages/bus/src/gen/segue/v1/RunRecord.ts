// Original file: protos/segue/v1/replay.proto


export interface RunRecord {
  'id'?: (string);
  'configJson'?: (string);
  /**
   * Name as in core: "created", "running", "paused", "stopped", "finished", "failed".
   */
  'state'?: (string);
  'createdAtMs'?: (number | string);
  /**
   * Grows by one with every write.
   */
  'revision'?: (number);
  'error'?: (string);
  /**
   * What the controller keeps between its phases, as JSON (warm-up done, evaluations).
   */
  'progressJson'?: (string);
  'trainProblems'?: (number);
  'evaluationProblems'?: (number);
  'warmupProblems'?: (number);
}

export interface RunRecord__Output {
  'id': (string);
  'configJson': (string);
  /**
   * Name as in core: "created", "running", "paused", "stopped", "finished", "failed".
   */
  'state': (string);
  'createdAtMs': (number);
  /**
   * Grows by one with every write.
   */
  'revision': (number);
  'error': (string);
  /**
   * What the controller keeps between its phases, as JSON (warm-up done, evaluations).
   */
  'progressJson': (string);
  'trainProblems': (number);
  'evaluationProblems': (number);
  'warmupProblems': (number);
}
