// Original file: protos/segue/v1/reward.proto

import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from '../../segue/v1/Score.js';

/**
 * `Score.trajectory_id` carries the request's id.
 */
export interface ScoreBatchResponse {
  'scores'?: (_segue_v1_Score)[];
}

/**
 * `Score.trajectory_id` carries the request's id.
 */
export interface ScoreBatchResponse__Output {
  'scores': (_segue_v1_Score__Output)[];
}
