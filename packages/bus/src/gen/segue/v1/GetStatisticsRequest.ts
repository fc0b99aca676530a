// Original file: protos/segue/v1/statistics.proto


export interface GetStatisticsRequest {
  'runId'?: (string);
}

export interface GetStatisticsRequest__Output {
  'runId': (string);
}
