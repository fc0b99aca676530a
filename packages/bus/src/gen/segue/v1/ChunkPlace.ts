// Original file: protos/segue/v1/trainer.proto

import type { Long } from '@grpc/proto-loader';

export interface ChunkPlace {
  /**
   * A file of the version, or its manifest.
   */
  'file'?: (string);
  'offset'?: (number | string | Long);
}

export interface ChunkPlace__Output {
  /**
   * A file of the version, or its manifest.
   */
  'file': (string);
  'offset': (number);
}
