// Original file: protos/segue/v1/controller.proto

import type { Run as _segue_v1_Run, Run__Output as _segue_v1_Run__Output } from '../../segue/v1/Run.js';

export interface ListRunsResponse {
  'runs'?: (_segue_v1_Run)[];
}

export interface ListRunsResponse__Output {
  'runs': (_segue_v1_Run__Output)[];
}
