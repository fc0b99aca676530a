// Original file: protos/segue/v1/tables.proto


export interface GetTableStatisticsRequest {
  'runId'?: (string);
  'table'?: (string);
}

export interface GetTableStatisticsRequest__Output {
  'runId': (string);
  'table': (string);
}
