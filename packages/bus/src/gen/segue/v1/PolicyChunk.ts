// Original file: protos/segue/v1/trainer.proto

import type { Long } from '@grpc/proto-loader';

export interface PolicyChunk {
  /**
   * Relative name, without folders.
   */
  'file'?: (string);
  'offset'?: (number | string | Long);
  /**
   * Size of the whole file.
   */
  'fileBytes'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
  /**
   * sha256 of the data. Empty from an earlier version.
   */
  'sha256'?: (Buffer | Uint8Array | string);
}

export interface PolicyChunk__Output {
  /**
   * Relative name, without folders.
   */
  'file': (string);
  'offset': (number);
  /**
   * Size of the whole file.
   */
  'fileBytes': (number);
  'data': (Buffer);
  /**
   * sha256 of the data. Empty from an earlier version.
   */
  'sha256': (Buffer);
}
