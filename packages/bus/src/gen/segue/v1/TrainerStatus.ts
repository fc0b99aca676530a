// Original file: protos/segue/v1/trainer.proto


export interface TrainerStatus {
  /**
   * "idle", "warmup", "train".
   */
  'state'?: (string);
  'runId'?: (string);
  'policyVersion'?: (number);
  'stage'?: (string);
  'step'?: (number);
  'steps'?: (number);
  'device'?: (string);
  '_policyVersion'?: "policyVersion";
}

export interface TrainerStatus__Output {
  /**
   * "idle", "warmup", "train".
   */
  'state': (string);
  'runId': (string);
  'policyVersion'?: (number);
  'stage': (string);
  'step': (number);
  'steps': (number);
  'device': (string);
  '_policyVersion'?: "policyVersion";
}
