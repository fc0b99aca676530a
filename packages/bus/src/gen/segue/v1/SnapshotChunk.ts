// Original file: protos/segue/v1/keeping.proto

import type { SnapshotRun as _segue_v1_SnapshotRun, SnapshotRun__Output as _segue_v1_SnapshotRun__Output } from '../../segue/v1/SnapshotRun.js';
import type { Long } from '@grpc/proto-loader';

export interface SnapshotChunk {
  'offset'?: (number | string | Long);
  /**
   * Size, sha256 (hex), runs and retired runs of the whole file, in each part.
   */
  'fileBytes'?: (number | string | Long);
  'sha256'?: (string);
  'runs'?: (_segue_v1_SnapshotRun)[];
  'data'?: (Buffer | Uint8Array | string);
  /**
   * Runs whose records were let go of, which `runs` leaves out: ids alone.
   */
  'retiredRuns'?: (string)[];
  /**
   * False: the store is of an earlier version and does not tell which runs it has let go of, so that an empty list says nothing.
   */
  'tellsRetiredRuns'?: (boolean);
}

export interface SnapshotChunk__Output {
  'offset': (number);
  /**
   * Size, sha256 (hex), runs and retired runs of the whole file, in each part.
   */
  'fileBytes': (number);
  'sha256': (string);
  'runs': (_segue_v1_SnapshotRun__Output)[];
  'data': (Buffer);
  /**
   * Runs whose records were let go of, which `runs` leaves out: ids alone.
   */
  'retiredRuns': (string)[];
  /**
   * False: the store is of an earlier version and does not tell which runs it has let go of, so that an empty list says nothing.
   */
  'tellsRetiredRuns': (boolean);
}
