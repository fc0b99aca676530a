// Original file: protos/segue/v1/trainer.proto


export interface TrainIterationRequest {
  'runId'?: (string);
  /**
   * From 0.
   */
  'iteration'?: (number);
}

export interface TrainIterationRequest__Output {
  'runId': (string);
  /**
   * From 0.
   */
  'iteration': (number);
}
