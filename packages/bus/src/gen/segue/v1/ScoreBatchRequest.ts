// Original file: protos/segue/v1/reward.proto

import type { ScoreRequest as _segue_v1_ScoreRequest, ScoreRequest__Output as _segue_v1_ScoreRequest__Output } from '../../segue/v1/ScoreRequest.js';

export interface ScoreBatchRequest {
  'requests'?: (_segue_v1_ScoreRequest)[];
}

export interface ScoreBatchRequest__Output {
  'requests': (_segue_v1_ScoreRequest__Output)[];
}
