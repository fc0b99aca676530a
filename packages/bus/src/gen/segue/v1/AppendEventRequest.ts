// Original file: protos/segue/v1/replay.proto


export interface AppendEventRequest {
  'runId'?: (string);
  'kind'?: (string);
  'bodyJson'?: (string);
  'atMs'?: (number | string);
  /**
   * Empty: always a new event.
   */
  'key'?: (string);
}

export interface AppendEventRequest__Output {
  'runId': (string);
  'kind': (string);
  'bodyJson': (string);
  'atMs': (number);
  /**
   * Empty: always a new event.
   */
  'key': (string);
}
