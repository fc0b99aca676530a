// Original file: protos/segue/v1/controller.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchRunRequest {
  'runId'?: (string);
  /**
   * Replays the events kept since the run began.
   */
  'fromStart'?: (boolean);
  /**
   * Events after this number; 0 means from now (or from the start, with `from_start`).
   */
  'afterSequence'?: (number | string | Long);
}

export interface WatchRunRequest__Output {
  'runId': (string);
  /**
   * Replays the events kept since the run began.
   */
  'fromStart': (boolean);
  /**
   * Events after this number; 0 means from now (or from the start, with `from_start`).
   */
  'afterSequence': (number);
}
