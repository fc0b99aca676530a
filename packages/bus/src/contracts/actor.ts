/** segue.v1.RolloutActor: the RPCs with their converters, deadlines and retry rules. Meanings are in actor.proto. */
import type {
  ActorApi,
  ActorStatus,
  DeviceReleased,
  GeneratePrompt,
  GenerateRequest,
  GenerateResult,
  PolicyRef,
  PreparePolicyRequest,
  RefusedRun,
} from '@segue/core';
import { float32FromBytes, int32FromBytes, littleEndian } from '../convert/bytes.js';
import { endReasonNames, policyRefConverter, requireLength, samplingConverter } from '../convert/common.js';
import {
  converter,
  count,
  emptyConverter,
  fields,
  flag,
  listOf,
  nested,
  optional,
  real,
  text,
  texts,
  uint,
  uint32,
} from '../convert/converter.js';
import type { ActorStatus__Output } from '../gen/segue/v1/ActorStatus.js';
import type { GeneratePrompt__Output, GeneratePrompt as WirePrompt } from '../gen/segue/v1/GeneratePrompt.js';
import type { GenerateRequest__Output } from '../gen/segue/v1/GenerateRequest.js';
import type { GenerateResponse, GenerateResponse__Output } from '../gen/segue/v1/GenerateResponse.js';
import type { LoadPolicyRequest__Output } from '../gen/segue/v1/LoadPolicyRequest.js';
import type { PreparePolicyRequest__Output } from '../gen/segue/v1/PreparePolicyRequest.js';
import type { RefusedRun__Output } from '../gen/segue/v1/RefusedRun.js';
import type { ReleaseDeviceResponse__Output } from '../gen/segue/v1/ReleaseDeviceResponse.js';
import { type Contract, deadlines, serverStream, unary } from '../rpc/contract.js';
import { downloadPolicyMethod } from './policy-download.js';

const promptConverter = converter<GeneratePrompt, WirePrompt, GeneratePrompt__Output>(
  (prompt) => ({
    id: prompt.id,
    tokensLe: littleEndian(prompt.tokens ?? new Int32Array(0)),
    text: prompt.text,
    responseTokensLe: littleEndian(prompt.responseTokens),
  }),
  (message) => ({
    id: message.id,
    tokens: message.tokensLe.length === 0 ? null : int32FromBytes(message.tokensLe, 'prompts.tokens_le'),
    text: message.text,
    responseTokens: int32FromBytes(message.responseTokensLe, 'prompts.response_tokens_le'),
  }),
);

const resultConverter = converter<GenerateResult, GenerateResponse, GenerateResponse__Output>(
  (result) => ({
    id: result.id,
    tokensLe: littleEndian(result.tokens),
    logProbsLe: littleEndian(result.logProbs),
    endReason: endReasonNames.toWire(result.endReason),
    policyVersion: uint32(result.policyVersion, 'policy_version'),
    text: result.text,
  }),
  (message) => {
    const tokens = int32FromBytes(message.tokensLe, 'tokens_le');
    const logProbs = float32FromBytes(message.logProbsLe, 'log_probs_le');
    requireLength(logProbs.length, tokens.length, 'log_probs_le');
    return {
      id: message.id,
      tokens,
      logProbs,
      endReason: endReasonNames.fromWire(message.endReason, 'end_reason'),
      policyVersion: message.policyVersion,
      text: message.text,
    };
  },
);

const refusedConverter = fields<RefusedRun, RefusedRun__Output>({ runId: text, reason: text, isTried: flag });

const statusConverter = fields<ActorStatus, ActorStatus__Output>({
  actorId: text,
  runId: text,
  policyVersion: optional(uint),
  slots: uint,
  running: uint,
  trajectoryIds: texts,
  draining: flag,
  device: text,
  generatedTokens: count,
  reprefilledTokens: count,
  flushedIteration: optional(uint),
  engineCall: text,
  engineCallMs: count,
  policyRunId: text,
  refusedRuns: listOf(refusedConverter),
});

const releasedConverter = fields<DeviceReleased, ReleaseDeviceResponse__Output>({
  durationMs: real,
  residentBytes: count,
  leftBytes: count,
});

export const actorContract: Contract<ActorApi> = {
  name: 'segue.v1.RolloutActor',
  methods: {
    // Seeds decide the tokens, so that a second try gives the same.
    generate: serverStream(
      fields<GenerateRequest, GenerateRequest__Output>({
        runId: text,
        policyVersion: optional(uint),
        prompts: listOf(promptConverter),
        sampling: nested(samplingConverter),
        maxTokens: uint,
        seed: uint,
        stopOnRepeat: flag,
      }),
      resultConverter,
      { deadlineMs: deadlines.workMs, retry: true },
    ),
    getActorStatus: unary(emptyConverter, statusConverter),
    loadPolicy: unary(
      fields<{ policy: PolicyRef }, LoadPolicyRequest__Output>({ policy: nested(policyRefConverter) }),
      statusConverter,
      { deadlineMs: deadlines.slowMs, retry: true },
    ),
    preparePolicy: unary(
      fields<PreparePolicyRequest, PreparePolicyRequest__Output>({ policy: nested(policyRefConverter), folder: text }),
      statusConverter,
      { deadlineMs: deadlines.slowMs, retry: false },
    ),
    releaseDevice: unary(emptyConverter, releasedConverter, { deadlineMs: deadlines.slowMs, retry: true }),
    downloadPolicy: downloadPolicyMethod,
    drain: unary(emptyConverter, statusConverter, { deadlineMs: deadlines.slowMs, retry: true }),
  },
};
