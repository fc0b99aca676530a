// Original file: protos/segue/v1/tables.proto


export interface InsertItemsResponse {
  /**
   * Items that are in, from the first on.
   */
  'accepted'?: (number);
  /**
   * Of these, those whose key was there already.
   */
  'repeated'?: (number);
  /**
   * What the others waited for; empty when all are in.
   */
  'waitedFor'?: (string);
}

export interface InsertItemsResponse__Output {
  /**
   * Items that are in, from the first on.
   */
  'accepted': (number);
  /**
   * Of these, those whose key was there already.
   */
  'repeated': (number);
  /**
   * What the others waited for; empty when all are in.
   */
  'waitedFor': (string);
}
