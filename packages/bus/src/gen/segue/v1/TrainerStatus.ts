// Original file: protos/segue/v1/trainer.proto

import type { Long } from '@grpc/proto-loader';

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
  /**
   * Call of the engine that is waited for ("policyGradients", "logProbs", ...); empty when none is.
   */
  'engineCall'?: (string);
  /**
   * How long it has lasted. Past the trainer's engineTimeoutMs the engine hangs, and the process ends.
   */
  'engineCallMs'?: (number | string | Long);
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
  /**
   * Call of the engine that is waited for ("policyGradients", "logProbs", ...); empty when none is.
   */
  'engineCall': (string);
  /**
   * How long it has lasted. Past the trainer's engineTimeoutMs the engine hangs, and the process ends.
   */
  'engineCallMs': (number);
  '_policyVersion'?: "policyVersion";
}
