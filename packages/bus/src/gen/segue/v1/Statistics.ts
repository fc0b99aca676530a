// Original file: protos/segue/v1/statistics.proto

import type { Long } from '@grpc/proto-loader';

export interface Statistics {
  /**
   * By state name.
   */
  'trajectoriesByState'?: ({[key: string]: number});
  'segmentsByEndReason'?: ({[key: string]: number});
  /**
   * "committed", "kept-earlier", "closed", "stale".
   */
  'appendsByOutcome'?: ({[key: string]: number});
  'groupsOpen'?: (number);
  'groupsComplete'?: (number);
  'groupsConsumed'?: (number);
  'groupsFiltered'?: (number);
  /**
   * Finished trajectories, and those with segments of two or more iterations.
   */
  'finished'?: (number);
  'spanning'?: (number);
  'generatedTokens'?: (number | string | Long);
  'reprefilledTokens'?: (number | string | Long);
  'promptTokens'?: (number | string | Long);
  'bytesOnDisk'?: (number | string | Long);
  /**
   * "trajectory", "score", "message": dead letters that wait for somebody, of all runs.
   */
  'deadLettersByKind'?: ({[key: string]: number});
  /**
   * Runs that are over whose records were removed (retention), of the whole store. Of such a run its configuration and these counts stay.
   */
  'runsRetired'?: (number);
  /**
   * A snapshot that is being taken may name the policy versions of this iteration and later ones, which must stay. Absent: none is being taken.
   */
  'heldFromIteration'?: (number);
  '_heldFromIteration'?: "heldFromIteration";
}

export interface Statistics__Output {
  /**
   * By state name.
   */
  'trajectoriesByState': ({[key: string]: number});
  'segmentsByEndReason': ({[key: string]: number});
  /**
   * "committed", "kept-earlier", "closed", "stale".
   */
  'appendsByOutcome': ({[key: string]: number});
  'groupsOpen': (number);
  'groupsComplete': (number);
  'groupsConsumed': (number);
  'groupsFiltered': (number);
  /**
   * Finished trajectories, and those with segments of two or more iterations.
   */
  'finished': (number);
  'spanning': (number);
  'generatedTokens': (number);
  'reprefilledTokens': (number);
  'promptTokens': (number);
  'bytesOnDisk': (number);
  /**
   * "trajectory", "score", "message": dead letters that wait for somebody, of all runs.
   */
  'deadLettersByKind': ({[key: string]: number});
  /**
   * Runs that are over whose records were removed (retention), of the whole store. Of such a run its configuration and these counts stay.
   */
  'runsRetired': (number);
  /**
   * A snapshot that is being taken may name the policy versions of this iteration and later ones, which must stay. Absent: none is being taken.
   */
  'heldFromIteration'?: (number);
  '_heldFromIteration'?: "heldFromIteration";
}
