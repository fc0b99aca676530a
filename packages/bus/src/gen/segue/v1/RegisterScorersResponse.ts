// Original file: protos/segue/v1/scorers.proto

import type { ScorerInfo as _segue_v1_ScorerInfo, ScorerInfo__Output as _segue_v1_ScorerInfo__Output } from '../../segue/v1/ScorerInfo.js';

export interface RegisterScorersResponse {
  /**
   * What the server answered to ListScorers: these problems may be submitted from now on.
   */
  'scorers'?: (_segue_v1_ScorerInfo)[];
  /**
   * Register again within this time, in ms; a third of it is a good habit. Later, the server counts as absent.
   */
  'expiresAfterMs'?: (number);
}

export interface RegisterScorersResponse__Output {
  /**
   * What the server answered to ListScorers: these problems may be submitted from now on.
   */
  'scorers': (_segue_v1_ScorerInfo__Output)[];
  /**
   * Register again within this time, in ms; a third of it is a good habit. Later, the server counts as absent.
   */
  'expiresAfterMs': (number);
}
