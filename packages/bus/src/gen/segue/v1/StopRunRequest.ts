// Original file: protos/segue/v1/controller.proto


export interface StopRunRequest {
  'runId'?: (string);
}

export interface StopRunRequest__Output {
  'runId': (string);
}
