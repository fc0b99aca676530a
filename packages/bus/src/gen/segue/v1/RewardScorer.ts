// Original file: /work/main/protos/segue/v1/reward.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ListScorersRequest as _segue_v1_ListScorersRequest, ListScorersRequest__Output as _segue_v1_ListScorersRequest__Output } from '../../segue/v1/ListScorersRequest.js';
import type { ListScorersResponse as _segue_v1_ListScorersResponse, ListScorersResponse__Output as _segue_v1_ListScorersResponse__Output } from '../../segue/v1/ListScorersResponse.js';
import type { ScoreBatchRequest as _segue_v1_ScoreBatchRequest, ScoreBatchRequest__Output as _segue_v1_ScoreBatchRequest__Output } from '../../segue/v1/ScoreBatchRequest.js';
import type { ScoreBatchResponse as _segue_v1_ScoreBatchResponse, ScoreBatchResponse__Output as _segue_v1_ScoreBatchResponse__Output } from '../../segue/v1/ScoreBatchResponse.js';

export interface RewardScorerClient extends grpc.Client {
  /**
   * The scorers that this service knows, by name.
   */
  ListScorers(argument: _segue_v1_ListScorersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  ListScorers(argument: _segue_v1_ListScorersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  ListScorers(argument: _segue_v1_ListScorersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  ListScorers(argument: _segue_v1_ListScorersRequest, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  /**
   * The scorers that this service knows, by name.
   */
  listScorers(argument: _segue_v1_ListScorersRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  listScorers(argument: _segue_v1_ListScorersRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  listScorers(argument: _segue_v1_ListScorersRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  listScorers(argument: _segue_v1_ListScorersRequest, callback: grpc.requestCallback<_segue_v1_ListScorersResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Judges a batch. Answers come in the order of the requests, one each, and one that fails does not touch the others: its status says TIMEOUT or
   * ERROR and it has no reward. Pure: may be repeated. INVALID_ARGUMENT for an unknown scorer, by name and position.
   */
  ScoreBatch(argument: _segue_v1_ScoreBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  ScoreBatch(argument: _segue_v1_ScoreBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  ScoreBatch(argument: _segue_v1_ScoreBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  ScoreBatch(argument: _segue_v1_ScoreBatchRequest, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Judges a batch. Answers come in the order of the requests, one each, and one that fails does not touch the others: its status says TIMEOUT or
   * ERROR and it has no reward. Pure: may be repeated. INVALID_ARGUMENT for an unknown scorer, by name and position.
   */
  scoreBatch(argument: _segue_v1_ScoreBatchRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  scoreBatch(argument: _segue_v1_ScoreBatchRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  scoreBatch(argument: _segue_v1_ScoreBatchRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  scoreBatch(argument: _segue_v1_ScoreBatchRequest, callback: grpc.requestCallback<_segue_v1_ScoreBatchResponse__Output>): grpc.ClientUnaryCall;
  
}

export interface RewardScorerHandlers extends grpc.UntypedServiceImplementation {
  /**
   * The scorers that this service knows, by name.
   */
  ListScorers: grpc.handleUnaryCall<_segue_v1_ListScorersRequest__Output, _segue_v1_ListScorersResponse>;
  
  /**
   * Judges a batch. Answers come in the order of the requests, one each, and one that fails does not touch the others: its status says TIMEOUT or
   * ERROR and it has no reward. Pure: may be repeated. INVALID_ARGUMENT for an unknown scorer, by name and position.
   */
  ScoreBatch: grpc.handleUnaryCall<_segue_v1_ScoreBatchRequest__Output, _segue_v1_ScoreBatchResponse>;
  
}

export interface RewardScorerDefinition extends grpc.ServiceDefinition {
  ListScorers: MethodDefinition<_segue_v1_ListScorersRequest, _segue_v1_ListScorersResponse, _segue_v1_ListScorersRequest__Output, _segue_v1_ListScorersResponse__Output>
  ScoreBatch: MethodDefinition<_segue_v1_ScoreBatchRequest, _segue_v1_ScoreBatchResponse, _segue_v1_ScoreBatchRequest__Output, _segue_v1_ScoreBatchResponse__Output>
}
