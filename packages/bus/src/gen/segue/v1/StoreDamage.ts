// Original file: protos/segue/v1/keeping.proto

import type { Mending as _segue_v1_Mending, Mending__Output as _segue_v1_Mending__Output } from '../../segue/v1/Mending.js';

export interface StoreDamage {
  'runId'?: (string);
  'what'?: (string);
  'detail'?: (string);
  'mending'?: (_segue_v1_Mending);
}

export interface StoreDamage__Output {
  'runId': (string);
  'what': (string);
  'detail': (string);
  'mending': (_segue_v1_Mending__Output);
}
