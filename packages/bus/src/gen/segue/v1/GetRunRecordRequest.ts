// Original file: /work/main/protos/segue/v1/replay.proto


export interface GetRunRecordRequest {
  'runId'?: (string);
}

export interface GetRunRecordRequest__Output {
  'runId': (string);
}
