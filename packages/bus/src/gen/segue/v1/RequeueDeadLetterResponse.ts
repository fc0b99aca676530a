// Original file: protos/segue/v1/common.proto

import type { RequeueOutcome as _segue_v1_RequeueOutcome, RequeueOutcome__Output as _segue_v1_RequeueOutcome__Output } from '../../segue/v1/RequeueOutcome.js';

export interface RequeueDeadLetterResponse {
  'outcome'?: (_segue_v1_RequeueOutcome);
}

export interface RequeueDeadLetterResponse__Output {
  'outcome': (_segue_v1_RequeueOutcome__Output);
}
