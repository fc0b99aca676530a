/** segue.v1.Trainer: the RPCs with their converters, deadlines and retry rules. Meanings are in trainer.proto. */
import type { PolicyVersionInfo, TrainerApi, TrainerStatus, TrainProgress } from '@segue/core';
import { policyRefConverter } from '../convert/common.js';
import { count, emptyConverter, fields, flag, nested, optional, text, uint } from '../convert/converter.js';
import type { FineTuneRequest__Output } from '../gen/segue/v1/FineTuneRequest.js';
import type { InitializePolicyRequest__Output } from '../gen/segue/v1/InitializePolicyRequest.js';
import type { PolicyVersion__Output } from '../gen/segue/v1/PolicyVersion.js';
import type { TrainerStatus__Output } from '../gen/segue/v1/TrainerStatus.js';
import type { TrainIterationRequest__Output } from '../gen/segue/v1/TrainIterationRequest.js';
import type { TrainProgress__Output } from '../gen/segue/v1/TrainProgress.js';
import { type Contract, deadlines, serverStream, unary } from '../rpc/contract.js';
import { downloadPolicyMethod } from './policy-download.js';

const versionConverter = fields<PolicyVersionInfo, PolicyVersion__Output>({
  ref: nested(policyRefConverter),
  parent: uint,
  bytes: count,
  folder: text,
});

const progressConverter = fields<TrainProgress, TrainProgress__Output>({
  stage: text,
  step: uint,
  steps: uint,
  metricsJson: text,
  version: optional(nested(versionConverter)),
});

const statusConverter = fields<TrainerStatus, TrainerStatus__Output>({
  state: text,
  runId: text,
  policyVersion: optional(uint),
  stage: text,
  step: uint,
  steps: uint,
  device: text,
  engineCall: text,
  engineCallMs: count,
});

// Training is begun again by the controller, which knows what the store holds by then.
const training = { deadlineMs: deadlines.workMs, retry: false };

export const trainerContract: Contract<TrainerApi> = {
  name: 'segue.v1.Trainer',
  methods: {
    initializePolicy: unary(
      fields<{ runId: string }, InitializePolicyRequest__Output>({ runId: text }),
      versionConverter,
      { deadlineMs: deadlines.slowMs, retry: true },
    ),
    fineTune: serverStream(
      fields<TrainerApi['fineTune']['request'], FineTuneRequest__Output>({
        runId: text,
        fromVersion: uint,
        replace: flag,
      }),
      progressConverter,
      training,
    ),
    trainIteration: serverStream(
      fields<TrainerApi['trainIteration']['request'], TrainIterationRequest__Output>({ runId: text, iteration: uint }),
      progressConverter,
      training,
    ),
    getTrainerStatus: unary(emptyConverter, statusConverter),
    downloadPolicy: downloadPolicyMethod,
  },
};
