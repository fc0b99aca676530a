// Original file: protos/segue/v1/actor.proto

import type { PolicyRef as _segue_v1_PolicyRef, PolicyRef__Output as _segue_v1_PolicyRef__Output } from '../../segue/v1/PolicyRef.js';

export interface LoadPolicyRequest {
  'policy'?: (_segue_v1_PolicyRef | null);
}

export interface LoadPolicyRequest__Output {
  'policy': (_segue_v1_PolicyRef__Output | null);
}
