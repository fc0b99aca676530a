// Original file: protos/segue/v1/replay.proto


export interface GetTrajectoriesRequest {
  'trajectoryIds'?: (string)[];
}

export interface GetTrajectoriesRequest__Output {
  'trajectoryIds': (string)[];
}
