// Original file: protos/segue/v1/trainer.proto

import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from '../../segue/v1/PolicyRef.js';
import type { ChunkPlace as _segue_v1_ChunkPlace, ChunkPlace__Output as _segue_v1_ChunkPlace__Output } from '../../segue/v1/ChunkPlace.js';

export interface DownloadPolicyRequest {
  'policy'?: (_segue_v1_PolicyRef | null);
  /**
   * Where to begin; absent: at the beginning.
   */
  'from'?: (_segue_v1_ChunkPlace | null);
  '_from'?: "from";
}

export interface DownloadPolicyRequest__Output {
  'policy': (_segue_v1_PolicyRef__Output | null);
  /**
   * Where to begin; absent: at the beginning.
   */
  'from'?: (_segue_v1_ChunkPlace__Output | null);
  '_from'?: "from";
}
