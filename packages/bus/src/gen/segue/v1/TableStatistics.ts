// Original file: protos/segue/v1/tables.proto

import type { CallStatistics as _segue_v1_CallStatistics, CallStatistics__Output as _segue_v1_CallStatistics__Output } from '../../segue/v1/CallStatistics.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Counts since the table was made in the run; they outlive the process.
 */
export interface TableStatistics {
  'table'?: (string);
  'size'?: (number);
  'inserts'?: (number | string | Long);
  'samples'?: (number | string | Long);
  'priorityUpdates'?: (number | string | Long);
  /**
   * "max-size", "max-times-sampled", "request", "stale"; of `training` "consumed" and "filtered".
   */
  'removedByReason'?: ({[key: string]: number | string | Long});
  'insertCalls'?: (_segue_v1_CallStatistics | null);
  'sampleCalls'?: (_segue_v1_CallStatistics | null);
}

/**
 * Counts since the table was made in the run; they outlive the process.
 */
export interface TableStatistics__Output {
  'table': (string);
  'size': (number);
  'inserts': (number);
  'samples': (number);
  'priorityUpdates': (number);
  /**
   * "max-size", "max-times-sampled", "request", "stale"; of `training` "consumed" and "filtered".
   */
  'removedByReason': ({[key: string]: number});
  'insertCalls': (_segue_v1_CallStatistics__Output | null);
  'sampleCalls': (_segue_v1_CallStatistics__Output | null);
}
