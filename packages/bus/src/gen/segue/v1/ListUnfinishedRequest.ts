// Original file: protos/segue/v1/replay.proto


export interface ListUnfinishedRequest {
  'runId'?: (string);
}

export interface ListUnfinishedRequest__Output {
  'runId': (string);
}
