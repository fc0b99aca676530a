/** Converters of replay.proto: the records that the store keeps and answers with. */
import {
  type AppendOutcome,
  type AppendResult,
  appendOutcomes,
  type BatchHeader,
  type BatchResult,
  type CompleteGroup,
  deadLetterKinds,
  endReasons,
  type IterationProgress,
  type IterationRecord,
  type IterationState,
  type PlannedTask,
  type Problem,
  type ProblemRecord,
  type ReplayStatistics,
  type RunRecord,
  runStates,
  type ScoreResult,
  type Segment,
  SegueError,
  type Selector,
  type StoredEvent,
  type TimelineRow,
  type TimelineSegment,
  type Trajectory,
  type TrajectoryRecord,
} from '@segue/core';
import type { AppendSegmentResponse__Output } from '../gen/segue/v1/AppendSegmentResponse.js';
import type { CompleteGroup__Output } from '../gen/segue/v1/CompleteGroup.js';
import type {
  IterationProgress__Output,
  IterationProgress as WireProgress,
} from '../gen/segue/v1/IterationProgress.js';
import type { IterationRecord__Output } from '../gen/segue/v1/IterationRecord.js';
import type { PlannedTask__Output } from '../gen/segue/v1/PlannedTask.js';
import type { ProblemRecord__Output } from '../gen/segue/v1/ProblemRecord.js';
import type { PutProblemsHeader__Output } from '../gen/segue/v1/PutProblemsHeader.js';
import type { PutProblemsRequest__Output } from '../gen/segue/v1/PutProblemsRequest.js';
import type { PutProblemsResponse__Output } from '../gen/segue/v1/PutProblemsResponse.js';
import type { RecordScoreResponse__Output } from '../gen/segue/v1/RecordScoreResponse.js';
import type { RunRecord__Output } from '../gen/segue/v1/RunRecord.js';
import type { SampleResponse__Output } from '../gen/segue/v1/SampleResponse.js';
import type { Statistics__Output, Statistics as WireStatistics } from '../gen/segue/v1/Statistics.js';
import type { StoredEvent__Output } from '../gen/segue/v1/StoredEvent.js';
import type { TimelineRow__Output } from '../gen/segue/v1/TimelineRow.js';
import type { TimelineRows__Output } from '../gen/segue/v1/TimelineRows.js';
import type { TimelineSegment__Output } from '../gen/segue/v1/TimelineSegment.js';
import type { TrajectoryRecord__Output } from '../gen/segue/v1/TrajectoryRecord.js';
import type { StreamPart } from '../rpc/contract.js';
import { littleEndian, uint32FromBytes } from './bytes.js';
import {
  endReasonNames,
  groupConverter,
  problemConverter,
  scoreConverter,
  segmentConverter,
  summaryConverter,
  trajectoryConverter,
  trajectoryStateNames,
} from './common.js';
import {
  type Converter,
  converter,
  count,
  countsOf,
  enumConverter,
  enumField,
  type Field,
  fields,
  flag,
  listOf,
  nameField,
  nested,
  optional,
  real,
  text,
  texts,
  uint,
  uint32,
  uint53,
} from './converter.js';

const iterationStateNames = enumConverter({
  open: 'ITERATION_STATE_OPEN',
  closed: 'ITERATION_STATE_CLOSED',
  frozen: 'ITERATION_STATE_FROZEN',
  committed: 'ITERATION_STATE_COMMITTED',
} as const satisfies Record<IterationState, string>);

const appendOutcomeNames = enumConverter({
  committed: 'APPEND_OUTCOME_COMMITTED',
  'kept-earlier': 'APPEND_OUTCOME_KEPT_EARLIER',
  closed: 'APPEND_OUTCOME_CLOSED',
  stale: 'APPEND_OUTCOME_STALE',
} as const satisfies Record<AppendOutcome, string>);

const selectorNames = enumConverter({
  uniform: 'SELECTOR_UNIFORM',
  fifo: 'SELECTOR_FIFO',
  lifo: 'SELECTOR_LIFO',
  prioritized: 'SELECTOR_PRIORITIZED',
} as const satisfies Record<Selector, string>);

/** UNSPECIFIED is read as `uniform`. */
export const selectorField: Field<Selector, string | number> = {
  toWire: selectorNames.toWire,
  fromWire: (wire, name) => (wire === 'SELECTOR_UNSPECIFIED' ? 'uniform' : selectorNames.fromWire(wire, name)),
};

export const runRecordConverter = fields<RunRecord, RunRecord__Output>({
  id: text,
  configJson: text,
  state: nameField(runStates),
  createdAtMs: real,
  revision: uint,
  error: text,
  progressJson: text,
  trainProblems: uint,
  evaluationProblems: uint,
  warmupProblems: uint,
});

const headerConverter = fields<BatchHeader, PutProblemsHeader__Output>({ runId: text, batchId: text });

/** Converter of a stream's message, for the messages of the shape `oneof { header, problem }`. */
export function batchPartConverter<Item>(item: Converter<Item>): Converter<StreamPart<BatchHeader, Item>> {
  return converter<StreamPart<BatchHeader, Item>, object, PutProblemsRequest__Output>(
    (part) =>
      'header' in part ? { header: headerConverter.toWire(part.header) } : { problem: item.toWire(part.item) },
    (message) => {
      if (message.header) return { header: headerConverter.fromWire(message.header) };
      if (message.problem) return { item: item.fromWire(message.problem) };
      throw new SegueError('INVALID_INPUT', 'a message of the stream holds neither header nor problem');
    },
  );
}

export const problemPartConverter = batchPartConverter<Problem>(problemConverter);
export const batchResultConverter = fields<BatchResult, PutProblemsResponse__Output>({
  accepted: uint,
  repeated: flag,
});

export const problemRecordConverter = fields<ProblemRecord, ProblemRecord__Output>({
  problem: nested(problemConverter),
  attempts: uint,
  successes: uint,
  openGroups: uint,
  lastIteration: optional(uint),
  givenUp: flag,
  requeued: flag,
});

export const plannedTaskConverter = fields<PlannedTask, PlannedTask__Output>({
  trajectoryId: text,
  groupId: text,
  problemId: text,
  segmentIndex: uint,
  lastSpan: flag,
});

export const progressConverter = converter<IterationProgress, WireProgress, IterationProgress__Output>(
  (progress) => ({
    committedTasks: uint32(progress.committedTasks, 'committed_tasks'),
    openTrajectoryIds: [...progress.openTrajectoryIds],
    completeGroups: uint32(progress.completeGroups, 'complete_groups'),
    usefulGroups: uint32(progress.usefulGroups, 'useful_groups'),
    usefulGroupsInOrder: uint32(progress.usefulGroupsInOrder, 'useful_groups_in_order'),
    awaitingScore: uint32(progress.awaitingScore, 'awaiting_score'),
    generatedTokens: uint53(progress.generatedTokens, 'generated_tokens'),
    reprefilledTokens: uint53(progress.reprefilledTokens, 'reprefilled_tokens'),
    promptTokens: uint53(progress.promptTokens, 'prompt_tokens'),
    segmentsByEndReason: progress.segmentsByEndReason,
    segmentsByActor: progress.segmentsByActor,
    finishedTrajectories: uint32(progress.finishedTrajectories, 'finished_trajectories'),
    spanningTrajectories: uint32(progress.spanningTrajectories, 'spanning_trajectories'),
    rewardSum: progress.rewardSum,
    judged: uint32(progress.judged, 'judged'),
    responseTokensLe: littleEndian(progress.responseTokens),
    ...(progress.groupsAwaitingScore === undefined
      ? {}
      : { groupsAwaitingScore: uint32(progress.groupsAwaitingScore, 'groups_awaiting_score') }),
  }),
  (message) => ({
    committedTasks: message.committedTasks,
    openTrajectoryIds: message.openTrajectoryIds,
    completeGroups: message.completeGroups,
    usefulGroups: message.usefulGroups,
    usefulGroupsInOrder: message.usefulGroupsInOrder,
    awaitingScore: message.awaitingScore,
    generatedTokens: message.generatedTokens,
    reprefilledTokens: message.reprefilledTokens,
    promptTokens: message.promptTokens,
    segmentsByEndReason: countsOf(endReasons, message.segmentsByEndReason),
    segmentsByActor: message.segmentsByActor,
    finishedTrajectories: message.finishedTrajectories,
    spanningTrajectories: message.spanningTrajectories,
    rewardSum: message.rewardSum,
    judged: message.judged,
    responseTokens: uint32FromBytes(message.responseTokensLe, 'response_tokens_le'),
    ...(message.groupsAwaitingScore === undefined ? {} : { groupsAwaitingScore: message.groupsAwaitingScore }),
  }),
);

export const iterationConverter = fields<IterationRecord, IterationRecord__Output>({
  runId: text,
  iteration: uint,
  state: enumField(iterationStateNames),
  policyVersion: uint,
  policyVersionOut: uint,
  tasks: listOf(plannedTaskConverter),
  progress: nested(progressConverter),
  batchGroupIds: texts,
  filteredEqual: uint,
  filteredUnusable: uint,
  metricsJson: text,
  openedAtMs: real,
  closedAtMs: real,
  committedAtMs: real,
});

export const appendResultConverter = fields<AppendResult, AppendSegmentResponse__Output>({
  outcome: enumField(appendOutcomeNames),
  kept: optional(nested<Segment>(segmentConverter)),
  detail: text,
});

export const scoreResultConverter = fields<ScoreResult, RecordScoreResponse__Output>({
  recorded: flag,
  kept: nested(scoreConverter),
});

export const trajectoryRecordConverter = fields<TrajectoryRecord, TrajectoryRecord__Output>({
  summary: nested(summaryConverter),
  segments: listOf(segmentConverter),
  tokenCounts: {
    toWire: (counts, name) => counts.map((value) => uint32(value, name)),
    fromWire: (counts) => counts,
  },
});

const timelineSegmentConverter = fields<TimelineSegment, TimelineSegment__Output>({
  iteration: uint,
  tokens: uint,
  endReason: enumField(endReasonNames),
  policyVersion: uint,
});

const timelineRowConverter = fields<TimelineRow, TimelineRow__Output>({
  trajectoryId: text,
  state: enumField(trajectoryStateNames),
  reward: optional(real),
  segments: listOf(timelineSegmentConverter),
});

export const timelineRowsConverter = fields<{ rows: readonly TimelineRow[] }, TimelineRows__Output>({
  rows: listOf(timelineRowConverter),
});

export const completeGroupConverter = fields<CompleteGroup, CompleteGroup__Output>({
  group: nested(groupConverter),
  trajectories: listOf(trajectoryConverter),
});

export const sampleResultConverter = fields<
  { trajectories: readonly Trajectory[]; probabilities: readonly number[]; population: number },
  SampleResponse__Output
>({
  trajectories: listOf(trajectoryConverter),
  probabilities: { toWire: (values) => values, fromWire: (values) => values },
  population: uint,
});

export const storedEventConverter = fields<StoredEvent, StoredEvent__Output>({
  sequence: count,
  kind: text,
  bodyJson: text,
  atMs: real,
});

const trajectoryStates = ['pending', 'unfinished', 'finished', 'scored', 'failed'] as const;

export const statisticsConverter = converter<ReplayStatistics, WireStatistics, Statistics__Output>(
  ({ heldFromIteration, heldToIteration, ...counts }) => ({
    ...counts,
    ...(heldFromIteration === null ? {} : { heldFromIteration: uint32(heldFromIteration, 'heldFromIteration') }),
    ...(heldToIteration === null ? {} : { heldToIteration: uint32(heldToIteration, 'heldToIteration') }),
  }),
  (message) => ({
    trajectoriesByState: countsOf(trajectoryStates, message.trajectoriesByState),
    segmentsByEndReason: countsOf(endReasons, message.segmentsByEndReason),
    appendsByOutcome: countsOf(appendOutcomes, message.appendsByOutcome),
    groupsOpen: message.groupsOpen,
    groupsComplete: message.groupsComplete,
    groupsConsumed: message.groupsConsumed,
    groupsFiltered: message.groupsFiltered,
    finished: message.finished,
    spanning: message.spanning,
    generatedTokens: message.generatedTokens,
    reprefilledTokens: message.reprefilledTokens,
    promptTokens: message.promptTokens,
    bytesOnDisk: message.bytesOnDisk,
    deadLettersByKind: countsOf(deadLetterKinds, message.deadLettersByKind),
    runsRetired: message.runsRetired,
    heldFromIteration: message.heldFromIteration ?? null,
    heldToIteration: message.heldToIteration ?? null,
  }),
);
