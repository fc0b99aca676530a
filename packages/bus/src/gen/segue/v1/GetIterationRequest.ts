// Original file: protos/segue/v1/replay.proto


export interface GetIterationRequest {
  'runId'?: (string);
  /**
   * Absent: the newest.
   */
  'iteration'?: (number);
  '_iteration'?: "iteration";
}

export interface GetIterationRequest__Output {
  'runId': (string);
  /**
   * Absent: the newest.
   */
  'iteration'?: (number);
  '_iteration'?: "iteration";
}
