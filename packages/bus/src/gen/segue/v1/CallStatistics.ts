// Original file: protos/segue/v1/tables.proto

import type { Long } from '@grpc/proto-loader';

export interface CallStatistics {
  /**
   * Calls that did not get everything at once; how long these waited, together; those of them that gave up.
   */
  'waits'?: (number | string | Long);
  'blockedMs'?: (number | string);
  'timeouts'?: (number | string | Long);
  /**
   * At this moment.
   */
  'waiting'?: (number);
}

export interface CallStatistics__Output {
  /**
   * Calls that did not get everything at once; how long these waited, together; those of them that gave up.
   */
  'waits': (number);
  'blockedMs': (number);
  'timeouts': (number);
  /**
   * At this moment.
   */
  'waiting': (number);
}
