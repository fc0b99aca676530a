// Original file: protos/segue/v1/tables.proto


export interface SampleItemsRequest {
  'runId'?: (string);
  'table'?: (string);
  /**
   * 1 to the table's maxBatch.
   */
  'count'?: (number);
  'waitMs'?: (number);
  /**
   * Send what the items stand for as well.
   */
  'withData'?: (boolean);
}

export interface SampleItemsRequest__Output {
  'runId': (string);
  'table': (string);
  /**
   * 1 to the table's maxBatch.
   */
  'count': (number);
  'waitMs': (number);
  /**
   * Send what the items stand for as well.
   */
  'withData': (boolean);
}
