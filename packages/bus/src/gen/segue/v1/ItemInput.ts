// Original file: protos/segue/v1/tables.proto


export interface ItemInput {
  /**
   * Unique in its table, at most 128 characters. Empty: `ref`.
   */
  'key'?: (string);
  /**
   * Id of a trajectory or of a group.
   */
  'ref'?: (string);
  /**
   * From 0. Items of priority 0 are drawn by `prioritized` when all have priority 0.
   */
  'priority'?: (number | string);
}

export interface ItemInput__Output {
  /**
   * Unique in its table, at most 128 characters. Empty: `ref`.
   */
  'key': (string);
  /**
   * Id of a trajectory or of a group.
   */
  'ref': (string);
  /**
   * From 0. Items of priority 0 are drawn by `prioritized` when all have priority 0.
   */
  'priority': (number);
}
