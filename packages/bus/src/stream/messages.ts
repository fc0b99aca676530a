/** The bodies of the streams and buckets: one format per kind, from core's values and back. */
import {
  type DeviceLease,
  defaultPorts,
  type EngineTimes,
  endReasons,
  type RewardTask,
  type RolloutTask,
  type Score,
  type Segment,
  type SegmentMeter,
  type ServiceName,
  scoreStatuses,
} from '@segue/core';
import { requireLength } from '../convert/common.js';
import type { ActivePolicy, IterationSignal, ProgressNote, Registration, ScorerEntry } from './bus.js';
import type { Body, BodyValue, FieldReader } from './codec.js';

/** Between a value and its body. */
export interface Format<T> {
  write(value: T): Body;
  read(fields: FieldReader): T;
}

/** For values whose fields are all plain. */
function plain<T extends object>(read: (fields: FieldReader) => T): Format<T> {
  return { write: (value) => Object.fromEntries(Object.entries(value) as [string, BodyValue][]), read };
}

export const rolloutTaskFormat: Format<RolloutTask> = {
  write: (task) => ({ ...task, sampling: { ...task.sampling } }),
  read: (fields) => {
    const sampling = fields.map('sampling');
    return {
      runId: fields.id('runId'),
      iteration: fields.count('iteration'),
      policyVersion: fields.count('policyVersion'),
      groupId: fields.id('groupId'),
      trajectoryId: fields.id('trajectoryId'),
      problemId: fields.text('problemId'),
      segmentIndex: fields.count('segmentIndex'),
      attempt: fields.count('attempt'),
      seed: fields.count('seed'),
      sampling: {
        temperature: sampling.real('temperature'),
        topK: sampling.count('topK'),
        topP: sampling.real('topP'),
      },
      budgetTokens: fields.count('budgetTokens'),
      capTokens: fields.count('capTokens'),
      lastSpan: fields.flag('lastSpan'),
      ...(fields.has('lostTries') ? { lostTries: fields.count('lostTries') } : {}),
    };
  },
};

export const rewardTaskFormat: Format<RewardTask> = plain((fields) => ({
  runId: fields.id('runId'),
  trajectoryId: fields.id('trajectoryId'),
  attempt: fields.count('attempt'),
}));

export interface SegmentMessage {
  readonly runId: string;
  readonly segment: Segment;
}

export const segmentFormat: Format<SegmentMessage> = {
  write: ({ runId, segment }) => {
    const { meter, lostTries } = segment;
    // Field by field, as a copy of the object and some more fields has a shape that is slow to make and to read.
    const body: SegmentBody = {
      id: segment.id,
      trajectoryId: segment.trajectoryId,
      index: segment.index,
      attempt: segment.attempt,
      iteration: segment.iteration,
      policyVersion: segment.policyVersion,
      actorId: segment.actorId,
      prefixHash: segment.prefixHash,
      tokens: segment.tokens,
      logProbs: segment.logProbs,
      origins: segment.origins,
      lossMask: segment.lossMask,
      endReason: segment.endReason,
      error: segment.error,
      meter: {
        promptTokens: meter.promptTokens,
        reprefillTokens: meter.reprefillTokens,
        startedAtMs: meter.startedAtMs,
        endedAtMs: meter.endedAtMs,
      },
      runId,
    };
    return lostTries === undefined ? body : { ...body, lostTries };
  },
  read: (fields) => ({ runId: fields.id('runId'), segment: readSegment(fields) }),
};

/** Named one by one, so that the compiler misses a field that is new, be it one that may be absent; `lostTries` is looked at by itself. */
type SegmentBody = Omit<Required<Segment>, 'lostTries' | 'meter'> & {
  readonly meter: Required<SegmentMeter>;
  readonly runId: string;
};

function readSegment(fields: FieldReader): Segment {
  const tokens = fields.int32('tokens');
  const logProbs = fields.float32('logProbs');
  const origins = fields.orNull('origins', fields.uint8);
  const lossMask = fields.orNull('lossMask', fields.uint8);
  requireLength(logProbs.length, tokens.length, 'logProbs');
  requireLength(origins?.length ?? tokens.length, tokens.length, 'origins');
  requireLength(lossMask?.length ?? tokens.length, tokens.length, 'lossMask');
  const meter = fields.map('meter');
  return {
    id: fields.id('id'),
    trajectoryId: fields.id('trajectoryId'),
    index: fields.count('index'),
    attempt: fields.count('attempt'),
    iteration: fields.count('iteration'),
    policyVersion: fields.count('policyVersion'),
    actorId: fields.text('actorId'),
    prefixHash: fields.text('prefixHash'),
    tokens,
    logProbs,
    origins,
    lossMask,
    endReason: fields.oneOf('endReason', endReasons),
    error: fields.orNull('error', fields.text),
    ...(fields.has('lostTries') ? { lostTries: fields.count('lostTries') } : {}),
    meter: {
      promptTokens: meter.count('promptTokens'),
      reprefillTokens: meter.count('reprefillTokens'),
      startedAtMs: meter.real('startedAtMs'),
      endedAtMs: meter.real('endedAtMs'),
    },
  };
}

export interface ScoreMessage {
  readonly runId: string;
  readonly score: Score;
}

export const scoreFormat: Format<ScoreMessage> = {
  write: ({ runId, score }) => ({ ...score, runId }),
  read: (fields) => ({
    runId: fields.id('runId'),
    score: {
      trajectoryId: fields.id('trajectoryId'),
      scorer: fields.text('scorer'),
      status: fields.oneOf('status', scoreStatuses),
      reward: fields.orNull('reward', fields.real),
      detail: fields.text('detail'),
      durationMs: fields.real('durationMs'),
      ...(fields.has('attempt') ? { attempt: fields.count('attempt') } : {}),
    },
  }),
};

export const progressFormat: Format<ProgressNote> = plain((fields) => ({
  runId: fields.id('runId'),
  iteration: fields.count('iteration'),
  kind: fields.oneOf('kind', ['segment', 'score', 'group']),
}));

export const policyFormat: Format<ActivePolicy> = plain((fields) => ({
  runId: fields.id('runId'),
  version: fields.count('version'),
  manifestSha256: fields.text('manifestSha256'),
  folder: fields.text('folder'),
  trainerAddress: fields.text('trainerAddress'),
}));

export const signalFormat: Format<IterationSignal> = plain((fields) => ({
  runId: fields.id('runId'),
  iteration: fields.count('iteration'),
  policyVersion: fields.count('policyVersion'),
  open: fields.flag('open'),
}));

export const scorerFormat: Format<ScorerEntry> = plain((fields) => ({
  scorer: fields.id('scorer'),
  instance: fields.id('instance'),
  address: fields.text('address'),
  description: fields.text('description'),
  metadataSchemaJson: fields.text('metadataSchemaJson'),
  serves: fields.flag('serves'),
}));

export const deviceLeaseFormat: Format<DeviceLease> = plain((fields) => ({
  device: fields.text('device'),
  holder: fields.text('holder'),
  epoch: fields.count('epoch'),
  ending: fields.flag('ending'),
}));

const serviceNames = Object.keys(defaultPorts) as ServiceName[];

export const registrationFormat: Format<Registration> = {
  write: ({ busySlotMs, engineTimes, pinned, trouble, device, agentAddress, firstTokenAtMs, ...registration }) => ({
    ...registration,
    published: { ...registration.published },
    ...(pinned === undefined ? {} : { pinned: { ...pinned } }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(device === undefined ? {} : { device }),
    ...(agentAddress === undefined ? {} : { agentAddress }),
    ...(firstTokenAtMs === undefined ? {} : { firstTokenAtMs: { ...firstTokenAtMs } }),
    ...(busySlotMs === undefined ? {} : { busySlotMs: { ...busySlotMs } }),
    ...(engineTimes === undefined ? {} : { engineTimes: mapValues(engineTimes, engineTimesBody) }),
  }),
  read: (fields) => {
    return {
      id: fields.id('id'),
      service: fields.oneOf('service', serviceNames),
      address: fields.text('address'),
      metricsAddress: fields.text('metricsAddress'),
      policyVersion: fields.orNull('policyVersion', fields.count),
      slots: fields.count('slots'),
      running: fields.count('running'),
      flushedIteration: fields.orNull('flushedIteration', fields.count),
      runId: fields.text('runId'),
      seenAtMs: fields.real('seenAtMs'),
      published: numbersOf(fields.map('published')),
      ...(fields.has('trouble') ? { trouble: fields.text('trouble') } : {}),
      ...(fields.has('device') ? { device: fields.text('device') } : {}),
      ...(fields.has('agentAddress') ? { agentAddress: fields.text('agentAddress') } : {}),
      ...(fields.has('firstTokenAtMs') ? { firstTokenAtMs: numbersOf(fields.map('firstTokenAtMs')) } : {}),
      ...(fields.has('pinned') ? { pinned: numbersOf(fields.map('pinned')) } : {}),
      ...(fields.has('busySlotMs') ? { busySlotMs: numbersOf(fields.map('busySlotMs')) } : {}),
      ...(fields.has('engineTimes') ? { engineTimes: recordOf(fields.map('engineTimes'), readEngineTimes) } : {}),
    };
  },
};

function engineTimesBody({ prefillMs, decode }: EngineTimes): Body {
  return { prefillMs, decode: mapValues(decode, (times) => ({ ...times })) };
}

function readEngineTimes(fields: FieldReader): EngineTimes {
  return {
    prefillMs: fields.real('prefillMs'),
    decode: recordOf(fields.map('decode'), (times) => ({
      chunks: times.real('chunks'),
      steps: times.real('steps'),
      rowSteps: times.real('rowSteps'),
      loopMs: times.real('loopMs'),
      decodeMs: times.real('decodeMs'),
    })),
  };
}

function mapValues<T>(record: Readonly<Record<string, T>>, body: (value: T) => Body): Body {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, body(value)]));
}

function recordOf<T>(map: FieldReader, read: (fields: FieldReader) => T): Record<string, T> {
  return Object.fromEntries(map.names.map((name) => [name, read(map.map(name))]));
}

function numbersOf(map: FieldReader): Record<string, number> {
  return Object.fromEntries(map.names.map((name) => [name, map.real(name)]));
}
