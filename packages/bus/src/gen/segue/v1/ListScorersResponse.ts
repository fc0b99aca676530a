// Original file: protos/segue/v1/reward.proto

import type { ScorerInfo as _segue_v1_ScorerInfo, ScorerInfo__Output as _segue_v1_ScorerInfo__Output } from '../../segue/v1/ScorerInfo.js';

export interface ListScorersResponse {
  'scorers'?: (_segue_v1_ScorerInfo)[];
}

export interface ListScorersResponse__Output {
  'scorers': (_segue_v1_ScorerInfo__Output)[];
}
