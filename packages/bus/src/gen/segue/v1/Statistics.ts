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
   * Snapshots that are being taken may name policy versions of this iteration and later ones, up to `held_to_iteration`: those that sample in them and those that
   * come out of them must stay. Absent: none is being taken, or none that names a version of this run.
   */
  'heldFromIteration'?: (number);
  /**
   * Known once the copies of all snapshots that are being taken are made. Absent beside `held_from_iteration`: not yet, or the store is of an earlier version; the
   * versions of all later iterations must stay.
   */
  'heldToIteration'?: (number);
  '_heldFromIteration'?: "heldFromIteration";
  '_heldToIteration'?: "heldToIteration";
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
   * Snapshots that are being taken may name policy versions of this iteration and later ones, up to `held_to_iteration`: those that sample in them and those that
   * come out of them must stay. Absent: none is being taken, or none that names a version of this run.
   */
  'heldFromIteration'?: (number);
  /**
   * Known once the copies of all snapshots that are being taken are made. Absent beside `held_from_iteration`: not yet, or the store is of an earlier version; the
   * versions of all later iterations must stay.
   */
  'heldToIteration'?: (number);
  '_heldFromIteration'?: "heldFromIteration";
  '_heldToIteration'?: "heldToIteration";
}
