// Original file: protos/segue/v1/trainer.proto


export interface FineTuneRequest {
  'runId'?: (string);
  /**
   * Version to start from; 0 is the starting policy.
   */
  'fromVersion'?: (number);
  /**
   * Overwrite that version instead of writing the next one.
   */
  'replace'?: (boolean);
}

export interface FineTuneRequest__Output {
  'runId': (string);
  /**
   * Version to start from; 0 is the starting policy.
   */
  'fromVersion': (number);
  /**
   * Overwrite that version instead of writing the next one.
   */
  'replace': (boolean);
}
