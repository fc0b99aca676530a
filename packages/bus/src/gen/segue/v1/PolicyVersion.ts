// Original file: protos/segue/v1/trainer.proto

import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from '../../segue/v1/PolicyRef.js';
import type { Long } from '@grpc/proto-loader';

export interface PolicyVersion {
  'ref'?: (_segue_v1_PolicyRef | null);
  /**
   * Version that it was trained from; equal to its own for version 0.
   */
  'parent'?: (number);
  'bytes'?: (number | string | Long);
  /**
   * Folder in the trainer's policy store, for processes that share its disk.
   */
  'folder'?: (string);
}

export interface PolicyVersion__Output {
  'ref': (_segue_v1_PolicyRef__Output | null);
  /**
   * Version that it was trained from; equal to its own for version 0.
   */
  'parent': (number);
  'bytes': (number);
  /**
   * Folder in the trainer's policy store, for processes that share its disk.
   */
  'folder': (string);
}
