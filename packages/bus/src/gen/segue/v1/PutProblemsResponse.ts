// Original file: protos/segue/v1/replay.proto


export interface PutProblemsResponse {
  'accepted'?: (number);
  'repeated'?: (boolean);
}

export interface PutProblemsResponse__Output {
  'accepted': (number);
  'repeated': (boolean);
}
