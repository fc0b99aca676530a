// Original file: protos/segue/v1/keeping.proto


export interface VerifyRequest {
  /**
   * Absent: all runs.
   */
  'runId'?: (string);
  'repair'?: (boolean);
  '_runId'?: "runId";
}

export interface VerifyRequest__Output {
  /**
   * Absent: all runs.
   */
  'runId'?: (string);
  'repair': (boolean);
  '_runId'?: "runId";
}
