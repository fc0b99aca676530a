// Original file: protos/segue/v1/actor.proto

import type { Long } from '@grpc/proto-loader';

export interface ReleaseDeviceResponse {
  /**
   * Time in which the engine ended and its memory was freed.
   */
  'durationMs'?: (number | string);
  /**
   * Resident memory of the engine before, and what is left of it.
   */
  'residentBytes'?: (number | string | Long);
  'leftBytes'?: (number | string | Long);
}

export interface ReleaseDeviceResponse__Output {
  /**
   * Time in which the engine ended and its memory was freed.
   */
  'durationMs': (number);
  /**
   * Resident memory of the engine before, and what is left of it.
   */
  'residentBytes': (number);
  'leftBytes': (number);
}
