// Original file: /work/main/protos/segue/v1/actor.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ActorStatus as _segue_v1_ActorStatus, ActorStatus__Output as _segue_v1_ActorStatus__Output } from '../../segue/v1/ActorStatus.js';
import type { DrainRequest as _segue_v1_DrainRequest, DrainRequest__Output as _segue_v1_DrainRequest__Output } from '../../segue/v1/DrainRequest.js';
import type { GenerateRequest as _segue_v1_GenerateRequest, GenerateRequest__Output as _segue_v1_GenerateRequest__Output } from '../../segue/v1/GenerateRequest.js';
import type { GenerateResponse as _segue_v1_GenerateResponse, GenerateResponse__Output as _segue_v1_GenerateResponse__Output } from '../../segue/v1/GenerateResponse.js';
import type { GetActorStatusRequest as _segue_v1_GetActorStatusRequest, GetActorStatusRequest__Output as _segue_v1_GetActorStatusRequest__Output } from '../../segue/v1/GetActorStatusRequest.js';
import type { LoadPolicyRequest as _segue_v1_LoadPolicyRequest, LoadPolicyRequest__Output as _segue_v1_LoadPolicyRequest__Output } from '../../segue/v1/LoadPolicyRequest.js';

export interface RolloutActorClient extends grpc.Client {
  /**
   * Takes no more tasks, cuts and saves what runs, answers when all is flushed. Idempotent; the process stays up.
   */
  Drain(argument: _segue_v1_DrainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  Drain(argument: _segue_v1_DrainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  Drain(argument: _segue_v1_DrainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  Drain(argument: _segue_v1_DrainRequest, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  /**
   * Takes no more tasks, cuts and saves what runs, answers when all is flushed. Idempotent; the process stays up.
   */
  drain(argument: _segue_v1_DrainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  drain(argument: _segue_v1_DrainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  drain(argument: _segue_v1_DrainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  drain(argument: _segue_v1_DrainRequest, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Generates for a batch of prompts on one pinned version and streams each segment back as it ends, in order of ending.
   * Nothing is stored. Idempotent in content: the same request gives the same tokens (seeds, not the batch, decide).
   * A deadline or cancellation cuts what runs. One prompt that is refused (too long, foreign token) refuses the whole call
   * with INVALID_ARGUMENT before anything is generated. RESOURCE_EXHAUSTED when the batch is larger than the actor's limit.
   */
  Generate(argument: _segue_v1_GenerateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_GenerateResponse__Output>;
  Generate(argument: _segue_v1_GenerateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_GenerateResponse__Output>;
  /**
   * Generates for a batch of prompts on one pinned version and streams each segment back as it ends, in order of ending.
   * Nothing is stored. Idempotent in content: the same request gives the same tokens (seeds, not the batch, decide).
   * A deadline or cancellation cuts what runs. One prompt that is refused (too long, foreign token) refuses the whole call
   * with INVALID_ARGUMENT before anything is generated. RESOURCE_EXHAUSTED when the batch is larger than the actor's limit.
   */
  generate(argument: _segue_v1_GenerateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_GenerateResponse__Output>;
  generate(argument: _segue_v1_GenerateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_segue_v1_GenerateResponse__Output>;
  
  /**
   * What the actor runs now. Never blocks on the engine.
   */
  GetActorStatus(argument: _segue_v1_GetActorStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  GetActorStatus(argument: _segue_v1_GetActorStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  GetActorStatus(argument: _segue_v1_GetActorStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  GetActorStatus(argument: _segue_v1_GetActorStatusRequest, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  /**
   * What the actor runs now. Never blocks on the engine.
   */
  getActorStatus(argument: _segue_v1_GetActorStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  getActorStatus(argument: _segue_v1_GetActorStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  getActorStatus(argument: _segue_v1_GetActorStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  getActorStatus(argument: _segue_v1_GetActorStatusRequest, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Loads a policy version between two segments and answers when it is served. Idempotent. A version that fails its checksum
   * is refused with DATA_LOSS and the old one goes on.
   */
  LoadPolicy(argument: _segue_v1_LoadPolicyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  LoadPolicy(argument: _segue_v1_LoadPolicyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  LoadPolicy(argument: _segue_v1_LoadPolicyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  LoadPolicy(argument: _segue_v1_LoadPolicyRequest, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  /**
   * Loads a policy version between two segments and answers when it is served. Idempotent. A version that fails its checksum
   * is refused with DATA_LOSS and the old one goes on.
   */
  loadPolicy(argument: _segue_v1_LoadPolicyRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  loadPolicy(argument: _segue_v1_LoadPolicyRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  loadPolicy(argument: _segue_v1_LoadPolicyRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  loadPolicy(argument: _segue_v1_LoadPolicyRequest, callback: grpc.requestCallback<_segue_v1_ActorStatus__Output>): grpc.ClientUnaryCall;
  
}

export interface RolloutActorHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Takes no more tasks, cuts and saves what runs, answers when all is flushed. Idempotent; the process stays up.
   */
  Drain: grpc.handleUnaryCall<_segue_v1_DrainRequest__Output, _segue_v1_ActorStatus>;
  
  /**
   * Generates for a batch of prompts on one pinned version and streams each segment back as it ends, in order of ending.
   * Nothing is stored. Idempotent in content: the same request gives the same tokens (seeds, not the batch, decide).
   * A deadline or cancellation cuts what runs. One prompt that is refused (too long, foreign token) refuses the whole call
   * with INVALID_ARGUMENT before anything is generated. RESOURCE_EXHAUSTED when the batch is larger than the actor's limit.
   */
  Generate: grpc.handleServerStreamingCall<_segue_v1_GenerateRequest__Output, _segue_v1_GenerateResponse>;
  
  /**
   * What the actor runs now. Never blocks on the engine.
   */
  GetActorStatus: grpc.handleUnaryCall<_segue_v1_GetActorStatusRequest__Output, _segue_v1_ActorStatus>;
  
  /**
   * Loads a policy version between two segments and answers when it is served. Idempotent. A version that fails its checksum
   * is refused with DATA_LOSS and the old one goes on.
   */
  LoadPolicy: grpc.handleUnaryCall<_segue_v1_LoadPolicyRequest__Output, _segue_v1_ActorStatus>;
  
}

export interface RolloutActorDefinition extends grpc.ServiceDefinition {
  Drain: MethodDefinition<_segue_v1_DrainRequest, _segue_v1_ActorStatus, _segue_v1_DrainRequest__Output, _segue_v1_ActorStatus__Output>
  Generate: MethodDefinition<_segue_v1_GenerateRequest, _segue_v1_GenerateResponse, _segue_v1_GenerateRequest__Output, _segue_v1_GenerateResponse__Output>
  GetActorStatus: MethodDefinition<_segue_v1_GetActorStatusRequest, _segue_v1_ActorStatus, _segue_v1_GetActorStatusRequest__Output, _segue_v1_ActorStatus__Output>
  LoadPolicy: MethodDefinition<_segue_v1_LoadPolicyRequest, _segue_v1_ActorStatus, _segue_v1_LoadPolicyRequest__Output, _segue_v1_ActorStatus__Output>
}
