// Original file: protos/segue/v1/tables.proto


export interface RemoveItemsRequest {
  'runId'?: (string);
  'table'?: (string);
  /**
   * 1 to 1024.
   */
  'keys'?: (string)[];
}

export interface RemoveItemsRequest__Output {
  'runId': (string);
  'table': (string);
  /**
   * 1 to 1024.
   */
  'keys': (string)[];
}
