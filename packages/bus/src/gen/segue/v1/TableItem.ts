// Original file: protos/segue/v1/tables.proto

import type { Long } from '@grpc/proto-loader';

export interface TableItem {
  'key'?: (string);
  'ref'?: (string);
  'priority'?: (number | string);
  /**
   * This draw included.
   */
  'timesSampled'?: (number);
  /**
   * Position among all items that were ever inserted.
   */
  'sequence'?: (number | string | Long);
  /**
   * Number of the operation that inserted it or changed its priority last.
   */
  'touched'?: (number | string | Long);
}

export interface TableItem__Output {
  'key': (string);
  'ref': (string);
  'priority': (number);
  /**
   * This draw included.
   */
  'timesSampled': (number);
  /**
   * Position among all items that were ever inserted.
   */
  'sequence': (number);
  /**
   * Number of the operation that inserted it or changed its priority last.
   */
  'touched': (number);
}
