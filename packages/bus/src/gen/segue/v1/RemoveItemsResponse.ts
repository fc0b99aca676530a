// Original file: protos/segue/v1/tables.proto


export interface RemoveItemsResponse {
  'removed'?: (number);
}

export interface RemoveItemsResponse__Output {
  'removed': (number);
}
