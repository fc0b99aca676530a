// Original file: protos/segue/v1/replay.proto


/**
 * One planned piece of work: a trajectory's next segment.
 */
export interface PlannedTask {
  'trajectoryId'?: (string);
  'groupId'?: (string);
  'problemId'?: (string);
  'segmentIndex'?: (number);
  'lastSpan'?: (boolean);
}

/**
 * One planned piece of work: a trajectory's next segment.
 */
export interface PlannedTask__Output {
  'trajectoryId': (string);
  'groupId': (string);
  'problemId': (string);
  'segmentIndex': (number);
  'lastSpan': (boolean);
}
