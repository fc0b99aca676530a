// Original file: protos/segue/v1/reward.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { ListScorersRequest as _segue_v1_ListScorersRequest, ListScorersRequest__Output as _segue_v1_ListScorersRequest__Output } from '../../segue/v1/ListScorersRequest.js';
import type { ListScorersResponse as _segue_v1_ListScorersResponse, ListScorersResponse__Output as _segue_v1_ListScorersResponse__Output } from '../../segue/v1/ListScorersResponse.js';
import type { ScoreBatchRequest as _segue_v1_ScoreBatchRequest, ScoreBatchRequest__Output as _segue_v1_ScoreBatchRequest__Output } from '../../segue/v1/ScoreBatchRequest.js';
import type { ScoreBatchResponse as _segue_v1_ScoreBatchResponse, ScoreBatchResponse__Output as _segue_v1_ScoreBatchResponse__Output } from '../../segue/v1/ScoreBatchResponse.js';

export interface RewardScorerDefinition {
  ListScorers: MethodDefinition<_segue_v1_ListScorersRequest, _segue_v1_ListScorersResponse, _segue_v1_ListScorersRequest__Output, _segue_v1_ListScorersResponse__Output>
  ScoreBatch: MethodDefinition<_segue_v1_ScoreBatchRequest, _segue_v1_ScoreBatchResponse, _segue_v1_ScoreBatchRequest__Output, _segue_v1_ScoreBatchResponse__Output>
}
