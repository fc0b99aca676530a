// Original file: protos/segue/v1/scorers.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { RegisterScorersRequest as _segue_v1_RegisterScorersRequest, RegisterScorersRequest__Output as _segue_v1_RegisterScorersRequest__Output } from '../../segue/v1/RegisterScorersRequest.js';
import type { RegisterScorersResponse as _segue_v1_RegisterScorersResponse, RegisterScorersResponse__Output as _segue_v1_RegisterScorersResponse__Output } from '../../segue/v1/RegisterScorersResponse.js';
import type { UnregisterScorersRequest as _segue_v1_UnregisterScorersRequest, UnregisterScorersRequest__Output as _segue_v1_UnregisterScorersRequest__Output } from '../../segue/v1/UnregisterScorersRequest.js';
import type { UnregisterScorersResponse as _segue_v1_UnregisterScorersResponse, UnregisterScorersResponse__Output as _segue_v1_UnregisterScorersResponse__Output } from '../../segue/v1/UnregisterScorersResponse.js';

export interface ScorerListDefinition {
  RegisterScorers: MethodDefinition<_segue_v1_RegisterScorersRequest, _segue_v1_RegisterScorersResponse, _segue_v1_RegisterScorersRequest__Output, _segue_v1_RegisterScorersResponse__Output>
  UnregisterScorers: MethodDefinition<_segue_v1_UnregisterScorersRequest, _segue_v1_UnregisterScorersResponse, _segue_v1_UnregisterScorersRequest__Output, _segue_v1_UnregisterScorersResponse__Output>
}
