// Original file: protos/segue/v1/replay.proto


export interface FreezeBatchRequest {
  'runId'?: (string);
  'iteration'?: (number);
  /**
   * 0 means no limit.
   */
  'maxGroups'?: (number);
  /**
   * Members with a verdict that a group needs; 0 means 2.
   */
  'minUsable'?: (number);
  /**
   * Keep groups whose rewards are all equal.
   */
  'keepEqual'?: (boolean);
}

export interface FreezeBatchRequest__Output {
  'runId': (string);
  'iteration': (number);
  /**
   * 0 means no limit.
   */
  'maxGroups': (number);
  /**
   * Members with a verdict that a group needs; 0 means 2.
   */
  'minUsable': (number);
  /**
   * Keep groups whose rewards are all equal.
   */
  'keepEqual': (boolean);
}
