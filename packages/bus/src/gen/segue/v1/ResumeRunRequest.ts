// Original file: protos/segue/v1/controller.proto


export interface ResumeRunRequest {
  'runId'?: (string);
}

export interface ResumeRunRequest__Output {
  'runId': (string);
}
