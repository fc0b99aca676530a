// Original file: protos/segue/v1/replay.proto

import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from '../../segue/v1/Score.js';

export interface RecordScoreResponse {
  /**
   * False when an earlier verdict was kept.
   */
  'recorded'?: (boolean);
  'kept'?: (_segue_v1_Score | null);
}

export interface RecordScoreResponse__Output {
  /**
   * False when an earlier verdict was kept.
   */
  'recorded': (boolean);
  'kept': (_segue_v1_Score__Output | null);
}
