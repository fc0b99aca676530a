// Original file: protos/segue/v1/replay.proto


export interface PutProblemsHeader {
  'runId'?: (string);
  'batchId'?: (string);
}

export interface PutProblemsHeader__Output {
  'runId': (string);
  'batchId': (string);
}
