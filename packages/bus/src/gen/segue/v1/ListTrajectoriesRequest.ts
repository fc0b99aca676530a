// Original file: protos/segue/v1/replay.proto


export interface ListTrajectoriesRequest {
  'runId'?: (string);
}

export interface ListTrajectoriesRequest__Output {
  'runId': (string);
}
