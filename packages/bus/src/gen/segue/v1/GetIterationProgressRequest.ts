// Original file: protos/segue/v1/replay.proto


export interface GetIterationProgressRequest {
  'runId'?: (string);
  'iteration'?: (number);
}

export interface GetIterationProgressRequest__Output {
  'runId': (string);
  'iteration': (number);
}
