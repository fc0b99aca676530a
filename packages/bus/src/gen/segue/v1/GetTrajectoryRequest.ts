// Original file: protos/segue/v1/replay.proto


export interface GetTrajectoryRequest {
  'trajectoryId'?: (string);
}

export interface GetTrajectoryRequest__Output {
  'trajectoryId': (string);
}
