// Original file: protos/segue/v1/tables.proto

import type { ItemInput as _segue_v1_ItemInput, ItemInput__Output as _segue_v1_ItemInput__Output } from '../../segue/v1/ItemInput.js';

export interface InsertItemsRequest {
  'runId'?: (string);
  'table'?: (string);
  /**
   * 1 to 1024.
   */
  'items'?: (_segue_v1_ItemInput)[];
  /**
   * 0: do not wait. Cut to end before the call's deadline, so that the caller learns what was waited for.
   */
  'waitMs'?: (number);
}

export interface InsertItemsRequest__Output {
  'runId': (string);
  'table': (string);
  /**
   * 1 to 1024.
   */
  'items': (_segue_v1_ItemInput__Output)[];
  /**
   * 0: do not wait. Cut to end before the call's deadline, so that the caller learns what was waited for.
   */
  'waitMs': (number);
}
