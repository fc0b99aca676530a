// Original file: protos/segue/v1/scorers.proto


export interface UnregisterScorersResponse {
  /**
   * Scorers that the server does not serve any more, by name.
   */
  'scorers'?: (string)[];
}

export interface UnregisterScorersResponse__Output {
  /**
   * Scorers that the server does not serve any more, by name.
   */
  'scorers': (string)[];
}
