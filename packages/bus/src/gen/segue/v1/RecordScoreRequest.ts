// Original file: protos/segue/v1/replay.proto

import type { Score as _segue_v1_Score, Score__Output as _segue_v1_Score__Output } from '../../segue/v1/Score.js';

export interface RecordScoreRequest {
  'runId'?: (string);
  'score'?: (_segue_v1_Score | null);
}

export interface RecordScoreRequest__Output {
  'runId': (string);
  'score': (_segue_v1_Score__Output | null);
}
