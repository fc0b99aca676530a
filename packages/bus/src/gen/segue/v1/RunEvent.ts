// Original file: protos/segue/v1/controller.proto

import type { Long } from '@grpc/proto-loader';

export interface RunEvent {
  /**
   * From 1, without gaps in one run.
   */
  'sequence'?: (number | string | Long);
  'atMs'?: (number | string);
  /**
   * "phase", "warmup", "evaluation", "progress", "iteration", "waiting", "state". New kinds may come: ignore unknown ones.
   */
  'kind'?: (string);
  /**
   * Body of the kind as JSON; packages/core/src/events.ts documents each.
   */
  'bodyJson'?: (string);
}

export interface RunEvent__Output {
  /**
   * From 1, without gaps in one run.
   */
  'sequence': (number);
  'atMs': (number);
  /**
   * "phase", "warmup", "evaluation", "progress", "iteration", "waiting", "state". New kinds may come: ignore unknown ones.
   */
  'kind': (string);
  /**
   * Body of the kind as JSON; packages/core/src/events.ts documents each.
   */
  'bodyJson': (string);
}
