// Original file: protos/segue/v1/replay.proto

import type { Long } from '@grpc/proto-loader';

export interface StoredEvent {
  'sequence'?: (number | string | Long);
  'kind'?: (string);
  'bodyJson'?: (string);
  'atMs'?: (number | string);
}

export interface StoredEvent__Output {
  'sequence': (number);
  'kind': (string);
  'bodyJson': (string);
  'atMs': (number);
}
