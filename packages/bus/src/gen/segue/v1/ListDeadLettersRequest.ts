// Original file: protos/segue/v1/common.proto


export interface ListDeadLettersRequest {
  /**
   * Empty: all runs, and the messages that name none.
   */
  'runId'?: (string);
}

export interface ListDeadLettersRequest__Output {
  /**
   * Empty: all runs, and the messages that name none.
   */
  'runId': (string);
}
