// Original file: protos/segue/v1/keeping.proto


export interface TakeSnapshotRequest {
  /**
   * The stream stays open after the last part until the caller leaves it, for an hour at most: the weights that the runs go on from are kept for as long.
   */
  'holdVersions'?: (boolean);
}

export interface TakeSnapshotRequest__Output {
  /**
   * The stream stays open after the last part until the caller leaves it, for an hour at most: the weights that the runs go on from are kept for as long.
   */
  'holdVersions': (boolean);
}
