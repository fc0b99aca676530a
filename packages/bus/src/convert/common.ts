/** Converters of common.proto: problem, segment, score, group, trajectory, and what they are made of. */
import {
  type EndReason,
  type Group,
  type Message,
  type MessagePart,
  type PolicyRef,
  type Problem,
  type ProblemInput,
  type ProblemPurpose,
  type Sampling,
  type Score,
  type ScoreStatus,
  type Segment,
  SegueError,
  type Trajectory,
  type TrajectoryState,
  type TrajectorySummary,
} from '@segue/core';
import type { ChatMessage, ChatMessage__Output } from '../gen/segue/v1/ChatMessage.js';
import type { Group__Output } from '../gen/segue/v1/Group.js';
import type { MessagePart__Output, MessagePart as WirePart } from '../gen/segue/v1/MessagePart.js';
import type { PolicyRef__Output } from '../gen/segue/v1/PolicyRef.js';
import type { Problem__Output, Problem as WireProblem } from '../gen/segue/v1/Problem.js';
import type { Sampling__Output } from '../gen/segue/v1/Sampling.js';
import type { Score__Output, Score as WireScore } from '../gen/segue/v1/Score.js';
import type { Segment__Output, Segment as WireSegment } from '../gen/segue/v1/Segment.js';
import type { Trajectory__Output, Trajectory as WireTrajectory } from '../gen/segue/v1/Trajectory.js';
import type { TrajectorySummary__Output } from '../gen/segue/v1/TrajectorySummary.js';
import { float32FromBytes, int32FromBytes, littleEndian } from './bytes.js';
import {
  converter,
  enumConverter,
  enumField,
  type Field,
  fields,
  idText,
  jsonObject,
  optional,
  real,
  shortestDecimal,
  text,
  uint,
  uint32,
} from './converter.js';

const purposes = enumConverter({
  train: 'PROBLEM_PURPOSE_TRAIN',
  evaluation: 'PROBLEM_PURPOSE_EVALUATION',
  warmup: 'PROBLEM_PURPOSE_WARMUP',
} as const satisfies Record<ProblemPurpose, string>);

export const endReasonNames = enumConverter({
  stop: 'END_REASON_STOP',
  repeat: 'END_REASON_REPEAT',
  length: 'END_REASON_LENGTH',
  budget: 'END_REASON_BUDGET',
  yield: 'END_REASON_YIELD',
  error: 'END_REASON_ERROR',
} as const satisfies Record<EndReason, string>);

const scoreStatusNames = enumConverter({
  ok: 'SCORE_STATUS_OK',
  wrong: 'SCORE_STATUS_WRONG',
  timeout: 'SCORE_STATUS_TIMEOUT',
  error: 'SCORE_STATUS_ERROR',
} as const satisfies Record<ScoreStatus, string>);

export const trajectoryStateNames = enumConverter({
  pending: 'TRAJECTORY_STATE_PENDING',
  unfinished: 'TRAJECTORY_STATE_UNFINISHED',
  finished: 'TRAJECTORY_STATE_FINISHED',
  scored: 'TRAJECTORY_STATE_SCORED',
  failed: 'TRAJECTORY_STATE_FAILED',
} as const satisfies Record<TrajectoryState, string>);

/** UNSPECIFIED is read as `train`. */
function purposeFromWire(wire: string | number): ProblemPurpose {
  return wire === 'PROBLEM_PURPOSE_UNSPECIFIED' ? 'train' : purposes.fromWire(wire, 'purpose');
}

/** A purpose to look for; UNSPECIFIED is any. */
export const purposeFilter: Field<ProblemPurpose | null, string | number> = {
  toWire: (purpose) => (purpose === null ? 'PROBLEM_PURPOSE_UNSPECIFIED' : purposes.toWire(purpose)),
  fromWire: (wire, name) => (wire === 'PROBLEM_PURPOSE_UNSPECIFIED' ? null : purposes.fromWire(wire, name)),
};

function partToWire(part: MessagePart): WirePart {
  return part.type === 'text' ? { text: part.text } : { imageUrl: part.url };
}

function partFromWire(part: MessagePart__Output): MessagePart {
  if (part.part === 'text') return { type: 'text', text: part.text ?? '' };
  if (part.part === 'imageUrl') return { type: 'image', url: part.imageUrl ?? '' };
  throw new SegueError('INVALID_INPUT', 'messages.parts: a part is neither text nor image_url');
}

function chatMessageToWire(message: Message): ChatMessage {
  return { role: message.role, parts: message.parts.map(partToWire) };
}

function chatMessageFromWire(message: ChatMessage__Output): Message {
  if (message.role === '') throw new SegueError('INVALID_INPUT', 'messages.role is empty');
  return { role: message.role, parts: message.parts.map(partFromWire) };
}

/** A problem as it is submitted: prompt tokens are left out, and an id may be. */
export const problemInputConverter = converter<ProblemInput, WireProblem, Problem__Output>(
  (problem) => ({
    id: problem.id ?? '',
    purpose: purposes.toWire(problem.purpose),
    prompt: typeof problem.prompt === 'string' ? problem.prompt : '',
    messages: typeof problem.prompt === 'string' ? [] : problem.prompt.map(chatMessageToWire),
    answer: problem.answer,
    scorer: problem.scorer,
    tags: [...problem.tags],
    ...(problem.difficulty === null ? {} : { difficulty: problem.difficulty }),
    metadataJson: JSON.stringify(problem.metadata),
    response: problem.response ?? '',
  }),
  (message) => ({
    id: message.id === '' ? null : message.id,
    purpose: purposeFromWire(message.purpose),
    prompt: message.messages.length > 0 ? message.messages.map(chatMessageFromWire) : message.prompt,
    answer: message.answer,
    scorer: message.scorer,
    tags: message.tags,
    difficulty: message.difficulty ?? null,
    metadata: jsonObject(message.metadataJson, 'metadata_json'),
    response: message.response === '' ? null : message.response,
  }),
);

export const problemConverter = converter<Problem, WireProblem, Problem__Output>(
  (problem) => ({
    ...problemInputConverter.toWire(problem),
    promptTokensLe: littleEndian(problem.promptTokens),
    traceParent: problem.traceParent ?? '',
  }),
  (message) => ({
    ...problemInputConverter.fromWire(message),
    id: message.id,
    promptTokens: int32FromBytes(message.promptTokensLe, 'prompt_tokens_le'),
    ...(message.traceParent !== '' && { traceParent: message.traceParent }),
  }),
);

/** Temperature and top-p travel as float32 and come back as the decimal that was meant. */
const float32: Field<number, number> = { toWire: (value) => value, fromWire: shortestDecimal };

export const samplingConverter = fields<Sampling, Sampling__Output>({
  temperature: float32,
  topK: uint,
  topP: { toWire: (value) => value, fromWire: (wire) => (wire === 0 ? 1 : shortestDecimal(wire)) },
});

export const segmentConverter = converter<Segment, WireSegment, Segment__Output>(
  (segment) => ({
    id: segment.id,
    trajectoryId: segment.trajectoryId,
    index: uint32(segment.index, 'index'),
    attempt: uint32(segment.attempt, 'attempt'),
    iteration: uint32(segment.iteration, 'iteration'),
    policyVersion: uint32(segment.policyVersion, 'policy_version'),
    actorId: segment.actorId,
    prefixHash: segment.prefixHash,
    tokensLe: littleEndian(segment.tokens),
    logProbsLe: littleEndian(segment.logProbs),
    origins: segment.origins ?? new Uint8Array(0),
    lossMask: segment.lossMask ?? new Uint8Array(0),
    endReason: endReasonNames.toWire(segment.endReason),
    error: segment.error ?? '',
    meteredPromptTokens: uint32(segment.meter.promptTokens, 'metered_prompt_tokens'),
    meteredReprefillTokens: uint32(segment.meter.reprefillTokens, 'metered_reprefill_tokens'),
    startedAtMs: segment.meter.startedAtMs,
    endedAtMs: segment.meter.endedAtMs,
    lostTries: uint32(segment.lostTries ?? 0, 'lost_tries'),
  }),
  (message) => {
    const tokens = int32FromBytes(message.tokensLe, 'segment.tokens_le');
    const logProbs = float32FromBytes(message.logProbsLe, 'segment.log_probs_le');
    requireLength(logProbs.length, tokens.length, 'segment.log_probs_le');
    return {
      id: message.id,
      trajectoryId: message.trajectoryId,
      index: message.index,
      attempt: message.attempt,
      iteration: message.iteration,
      policyVersion: message.policyVersion,
      actorId: message.actorId,
      prefixHash: message.prefixHash,
      tokens,
      logProbs,
      origins: perToken(message.origins, tokens.length, 'segment.origins'),
      lossMask: perToken(message.lossMask, tokens.length, 'segment.loss_mask'),
      endReason: endReasonNames.fromWire(message.endReason, 'segment.end_reason'),
      error: message.error === '' ? null : message.error,
      meter: {
        promptTokens: message.meteredPromptTokens,
        reprefillTokens: message.meteredReprefillTokens,
        startedAtMs: message.startedAtMs,
        endedAtMs: message.endedAtMs,
      },
      ...(message.lostTries > 0 && { lostTries: message.lostTries }),
    };
  },
);

/** One byte per token; no bytes mean that all tokens are alike. */
function perToken(bytes: Uint8Array, tokenCount: number, field: string): Uint8Array | null {
  if (bytes.length === 0) return null;
  requireLength(bytes.length, tokenCount, field);
  return Uint8Array.from(bytes);
}

/** The alignment law: per-token arrays are as long as the tokens. */
export function requireLength(length: number, tokenCount: number, field: string): void {
  if (length !== tokenCount) {
    throw new SegueError('INVALID_INPUT', `${field} holds ${length} values for ${tokenCount} tokens`);
  }
}

const verdictConverter = fields<Omit<Score, 'attempt'>, Score__Output>({
  trajectoryId: text,
  scorer: text,
  status: enumField(scoreStatusNames),
  reward: optional(real),
  detail: text,
  durationMs: real,
});

export const scoreConverter = converter<Score, WireScore, Score__Output>(
  (score) => ({
    ...verdictConverter.toWire(score),
    ...(score.attempt !== undefined && { attempt: uint32(score.attempt, 'attempt') }),
  }),
  (message) => ({
    ...verdictConverter.fromWire(message),
    ...(typeof message.attempt === 'number' && { attempt: message.attempt }),
  }),
);

export const groupConverter = fields<Group, Group__Output>({
  id: text,
  runId: text,
  index: uint,
  problemId: text,
  size: uint,
  iteration: uint,
});

export const trajectoryConverter = converter<Trajectory, WireTrajectory, Trajectory__Output>(
  (trajectory) => ({
    id: trajectory.id,
    groupId: trajectory.groupId,
    problemId: trajectory.problemId,
    promptTokensLe: littleEndian(trajectory.promptTokens),
    state: trajectoryStateNames.toWire(trajectory.state),
    segments: trajectory.segments.map(segmentConverter.toWire),
    ...(trajectory.score === null ? {} : { score: scoreConverter.toWire(trajectory.score) }),
    traceParent: trajectory.traceParent ?? '',
  }),
  (message) => ({
    id: message.id,
    groupId: message.groupId,
    problemId: message.problemId,
    promptTokens: int32FromBytes(message.promptTokensLe, 'trajectory.prompt_tokens_le'),
    state: trajectoryStateNames.fromWire(message.state, 'trajectory.state'),
    segments: message.segments.map(segmentConverter.fromWire),
    score: message.score ? scoreConverter.fromWire(message.score) : null,
    ...(message.traceParent !== '' && { traceParent: message.traceParent }),
  }),
);

export const summaryConverter = fields<TrajectorySummary, TrajectorySummary__Output>({
  id: text,
  groupId: text,
  problemId: text,
  state: enumField(trajectoryStateNames),
  segmentCount: uint,
  responseTokens: uint,
  firstIteration: uint,
  lastIteration: uint,
  endReason: {
    toWire: (reason) => (reason === null ? 'END_REASON_UNSPECIFIED' : endReasonNames.toWire(reason)),
    fromWire: (wire, name) => (wire === 'END_REASON_UNSPECIFIED' ? null : endReasonNames.fromWire(wire, name)),
  },
  errors: uint,
  reward: optional(real),
});

export const policyRefConverter = fields<PolicyRef, PolicyRef__Output>({
  runId: idText,
  version: uint,
  manifestSha256: text,
});
