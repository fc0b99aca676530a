// Original file: protos/segue/v1/controller.proto


export interface SubmitProblemsHeader {
  'runId'?: (string);
  /**
   * [a-z0-9-], chosen by the client; retries use the same.
   */
  'batchId'?: (string);
}

export interface SubmitProblemsHeader__Output {
  'runId': (string);
  /**
   * [a-z0-9-], chosen by the client; retries use the same.
   */
  'batchId': (string);
}
