// Original file: protos/segue/v1/trainer.proto


export interface InitializePolicyRequest {
  'runId'?: (string);
}

export interface InitializePolicyRequest__Output {
  'runId': (string);
}
