// Original file: protos/segue/v1/timeline.proto


export interface ListTimelineRequest {
  'runId'?: (string);
  'fromGroup'?: (number);
  /**
   * At most 10000; of this run, else refused. Those that were never planned are left out.
   */
  'also'?: (string)[];
}

export interface ListTimelineRequest__Output {
  'runId': (string);
  'fromGroup': (number);
  /**
   * At most 10000; of this run, else refused. Those that were never planned are left out.
   */
  'also': (string)[];
}
