// Original file: protos/segue/v1/reward.proto


export interface ScoreRequest {
  /**
   * Comes back in the answer.
   */
  'id'?: (string);
  'scorer'?: (string);
  'prompt'?: (string);
  'response'?: (string);
  'answer'?: (string);
  /**
   * JSON object; empty means {}.
   */
  'metadataJson'?: (string);
}

export interface ScoreRequest__Output {
  /**
   * Comes back in the answer.
   */
  'id': (string);
  'scorer': (string);
  'prompt': (string);
  'response': (string);
  'answer': (string);
  /**
   * JSON object; empty means {}.
   */
  'metadataJson': (string);
}
