// Original file: protos/segue/v1/scorers.proto


export interface UnregisterScorersRequest {
  'instance'?: (string);
}

export interface UnregisterScorersRequest__Output {
  'instance': (string);
}
