// Original file: protos/segue/v1/actor.proto

import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from '../../segue/v1/PolicyRef.js';

export interface PreparePolicyRequest {
  'policy'?: (_segue_v1_PolicyRef | null);
  /**
   * Folder of the version in the trainer's policy store, for an actor that shares its disk; may be empty.
   */
  'folder'?: (string);
}

export interface PreparePolicyRequest__Output {
  'policy': (_segue_v1_PolicyRef__Output | null);
  /**
   * Folder of the version in the trainer's policy store, for an actor that shares its disk; may be empty.
   */
  'folder': (string);
}
