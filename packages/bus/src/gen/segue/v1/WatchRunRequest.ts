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
  /**
   * Begins the answer with an event of the kind "position", which is none of the run's: its number is that after which events follow, so that a
   * watcher of what comes from now on can ask again from there when it breaks off before the first.
   */
  'tellPosition'?: (boolean);
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
  /**
   * Begins the answer with an event of the kind "position", which is none of the run's: its number is that after which events follow, so that a
   * watcher of what comes from now on can ask again from there when it breaks off before the first.
   */
  'tellPosition': (boolean);
}
