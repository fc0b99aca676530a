// Original file: protos/segue/v1/controller.proto


export interface PauseRunRequest {
  'runId'?: (string);
}

export interface PauseRunRequest__Output {
  'runId': (string);
}
