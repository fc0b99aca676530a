// Original file: protos/segue/v1/replay.proto


export interface CommitIterationRequest {
  'runId'?: (string);
  'iteration'?: (number);
  'policyVersionOut'?: (number);
  'metricsJson'?: (string);
}

export interface CommitIterationRequest__Output {
  'runId': (string);
  'iteration': (number);
  'policyVersionOut': (number);
  'metricsJson': (string);
}
