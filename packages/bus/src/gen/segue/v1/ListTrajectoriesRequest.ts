// Original file: protos/segue/v1/replay.proto


export interface ListTrajectoriesRequest {
  'runId'?: (string);
  /**
   * Those alone that are not over yet or have a segment in this iteration or a later one: for readers that know the rest. 0: all.
   */
  'fromIteration'?: (number);
}

export interface ListTrajectoriesRequest__Output {
  'runId': (string);
  /**
   * Those alone that are not over yet or have a segment in this iteration or a later one: for readers that know the rest. 0: all.
   */
  'fromIteration': (number);
}
