// Original file: protos/segue/v1/replay.proto


export interface CloseIterationRequest {
  'runId'?: (string);
  'iteration'?: (number);
}

export interface CloseIterationRequest__Output {
  'runId': (string);
  'iteration': (number);
}
