// Original file: protos/segue/v1/replay.proto


export interface GetRunRecordRequest {
  'runId'?: (string);
}

export interface GetRunRecordRequest__Output {
  'runId': (string);
}
