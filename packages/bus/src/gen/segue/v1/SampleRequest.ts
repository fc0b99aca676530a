// Original file: protos/segue/v1/replay.proto

import type { Selector as _segue_v1_Selector, Selector__Output as _segue_v1_Selector__Output } from '../../segue/v1/Selector.js';

export interface SampleRequest {
  'runId'?: (string);
  /**
   * 0 is refused.
   */
  'count'?: (number);
  'selector'?: (_segue_v1_Selector);
  'seed'?: (number);
}

export interface SampleRequest__Output {
  'runId': (string);
  /**
   * 0 is refused.
   */
  'count': (number);
  'selector': (_segue_v1_Selector__Output);
  'seed': (number);
}
