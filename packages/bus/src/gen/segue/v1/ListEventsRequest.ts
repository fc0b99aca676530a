// Original file: protos/segue/v1/replay.proto

import type { Long } from '@grpc/proto-loader';

export interface ListEventsRequest {
  'runId'?: (string);
  'afterSequence'?: (number | string | Long);
}

export interface ListEventsRequest__Output {
  'runId': (string);
  'afterSequence': (number);
}
