// Original file: protos/segue/v1/controller.proto


export interface SubmitProblemsResponse {
  'batchId'?: (string);
  /**
   * Problems of this batch now in the run.
   */
  'accepted'?: (number);
  /**
   * True when the batch was there already.
   */
  'repeated'?: (boolean);
}

export interface SubmitProblemsResponse__Output {
  'batchId': (string);
  /**
   * Problems of this batch now in the run.
   */
  'accepted': (number);
  /**
   * True when the batch was there already.
   */
  'repeated': (boolean);
}
