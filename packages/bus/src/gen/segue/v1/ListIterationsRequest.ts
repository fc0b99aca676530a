// Original file: protos/segue/v1/replay.proto


export interface ListIterationsRequest {
  'runId'?: (string);
  'fromIteration'?: (number);
}

export interface ListIterationsRequest__Output {
  'runId': (string);
  'fromIteration': (number);
}
