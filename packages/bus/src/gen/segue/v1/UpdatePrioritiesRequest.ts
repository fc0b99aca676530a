// Original file: protos/segue/v1/tables.proto

import type { PriorityUpdate as _segue_v1_PriorityUpdate, PriorityUpdate__Output as _segue_v1_PriorityUpdate__Output } from '../../segue/v1/PriorityUpdate.js';

export interface UpdatePrioritiesRequest {
  'runId'?: (string);
  'table'?: (string);
  /**
   * 1 to 1024.
   */
  'updates'?: (_segue_v1_PriorityUpdate)[];
}

export interface UpdatePrioritiesRequest__Output {
  'runId': (string);
  'table': (string);
  /**
   * 1 to 1024.
   */
  'updates': (_segue_v1_PriorityUpdate__Output)[];
}
