// Original file: protos/segue/v1/actor.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { ActorStatus as _segue_v1_ActorStatus, ActorStatus__Output as _segue_v1_ActorStatus__Output } from '../../segue/v1/ActorStatus.js';
import type { DownloadPolicyRequest as _segue_v1_DownloadPolicyRequest, DownloadPolicyRequest__Output as _segue_v1_DownloadPolicyRequest__Output } from '../../segue/v1/DownloadPolicyRequest.js';
import type { DrainRequest as _segue_v1_DrainRequest, DrainRequest__Output as _segue_v1_DrainRequest__Output } from '../../segue/v1/DrainRequest.js';
import type { GenerateRequest as _segue_v1_GenerateRequest, GenerateRequest__Output as _segue_v1_GenerateRequest__Output } from '../../segue/v1/GenerateRequest.js';
import type { GenerateResponse as _segue_v1_GenerateResponse, GenerateResponse__Output as _segue_v1_GenerateResponse__Output } from '../../segue/v1/GenerateResponse.js';
import type { GetActorStatusRequest as _segue_v1_GetActorStatusRequest, GetActorStatusRequest__Output as _segue_v1_GetActorStatusRequest__Output } from '../../segue/v1/GetActorStatusRequest.js';
import type { LoadPolicyRequest as _segue_v1_LoadPolicyRequest, LoadPolicyRequest__Output as _segue_v1_LoadPolicyRequest__Output } from '../../segue/v1/LoadPolicyRequest.js';
import type { PolicyChunk as _segue_v1_PolicyChunk, PolicyChunk__Output as _segue_v1_PolicyChunk__Output } from '../../segue/v1/PolicyChunk.js';
import type { PreparePolicyRequest as _segue_v1_PreparePolicyRequest, PreparePolicyRequest__Output as _segue_v1_PreparePolicyRequest__Output } from '../../segue/v1/PreparePolicyRequest.js';
import type { ReleaseDeviceRequest as _segue_v1_ReleaseDeviceRequest, ReleaseDeviceRequest__Output as _segue_v1_ReleaseDeviceRequest__Output } from '../../segue/v1/ReleaseDeviceRequest.js';
import type { ReleaseDeviceResponse as _segue_v1_ReleaseDeviceResponse, ReleaseDeviceResponse__Output as _segue_v1_ReleaseDeviceResponse__Output } from '../../segue/v1/ReleaseDeviceResponse.js';

export interface RolloutActorDefinition {
  DownloadPolicy: MethodDefinition<_segue_v1_DownloadPolicyRequest, _segue_v1_PolicyChunk, _segue_v1_DownloadPolicyRequest__Output, _segue_v1_PolicyChunk__Output>
  Drain: MethodDefinition<_segue_v1_DrainRequest, _segue_v1_ActorStatus, _segue_v1_DrainRequest__Output, _segue_v1_ActorStatus__Output>
  Generate: MethodDefinition<_segue_v1_GenerateRequest, _segue_v1_GenerateResponse, _segue_v1_GenerateRequest__Output, _segue_v1_GenerateResponse__Output>
  GetActorStatus: MethodDefinition<_segue_v1_GetActorStatusRequest, _segue_v1_ActorStatus, _segue_v1_GetActorStatusRequest__Output, _segue_v1_ActorStatus__Output>
  LoadPolicy: MethodDefinition<_segue_v1_LoadPolicyRequest, _segue_v1_ActorStatus, _segue_v1_LoadPolicyRequest__Output, _segue_v1_ActorStatus__Output>
  PreparePolicy: MethodDefinition<_segue_v1_PreparePolicyRequest, _segue_v1_ActorStatus, _segue_v1_PreparePolicyRequest__Output, _segue_v1_ActorStatus__Output>
  ReleaseDevice: MethodDefinition<_segue_v1_ReleaseDeviceRequest, _segue_v1_ReleaseDeviceResponse, _segue_v1_ReleaseDeviceRequest__Output, _segue_v1_ReleaseDeviceResponse__Output>
}
