// Original file: protos/segue/v1/replay.proto


export interface StreamCompleteGroupsRequest {
  'runId'?: (string);
  /**
   * Absent: groups that wait to be trained on.
   */
  'iteration'?: (number);
  '_iteration'?: "iteration";
}

export interface StreamCompleteGroupsRequest__Output {
  'runId': (string);
  /**
   * Absent: groups that wait to be trained on.
   */
  'iteration'?: (number);
  '_iteration'?: "iteration";
}
