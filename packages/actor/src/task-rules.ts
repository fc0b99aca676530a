/**
 * What to do with a task that came from the queue, and what becomes of it: pure rules. Times and effects are the
 * rollout loop's.
 */
import {
  hashTokens,
  type RolloutTask,
  type Segment,
  type SequenceResult,
  segmentId,
  type Trajectory,
} from '@segue/core';

/** The iteration that the controller has announced for the run that is served. */
export interface Gate {
  readonly runId: string;
  readonly iteration: number;
  readonly policyVersion: number;
  readonly open: boolean;
}

/** A policy version that is served. */
export interface ServedVersion {
  readonly runId: string;
  readonly version: number;
}

/**
 * `run` it; `stale`: its iteration is over, nobody needs it; `early`: its iteration has not been announced here yet;
 * `elsewhere`: another run or another policy version than is served here.
 */
export type Verdict = 'run' | 'stale' | 'early' | 'elsewhere';

/** Why a task was let go without a segment. */
export const returnReasons = [
  'stale',
  'elsewhere',
  'superseded',
  'fetch-failed',
  'drained',
  'closed',
  'engine-lost',
] as const;
export type ReturnReason = (typeof returnReasons)[number];

/** @param served null while nothing is; it may be another run's than the gate, under the same number */
export function judgeTask(task: RolloutTask, gate: Gate | null, served: ServedVersion | null): Verdict {
  if (!gate || gate.runId !== task.runId) return 'elsewhere';
  if (task.iteration < gate.iteration) return 'stale';
  if (task.iteration > gate.iteration) return 'early';
  if (!gate.open) return 'stale';
  return served?.runId === task.runId && served.version === task.policyVersion ? 'run' : 'elsewhere';
}

/** Whether the gate lets work of this task go on. */
export function isCovered(task: RolloutTask, gate: Gate | null): boolean {
  return gate?.open === true && gate.runId === task.runId && gate.iteration === task.iteration;
}

/**
 * Whether the gate ends the task's work: another run's, an earlier iteration's, or that of the iteration that it
 * closes.
 */
export function isOver(task: RolloutTask, gate: Gate): boolean {
  if (task.runId !== gate.runId || task.iteration < gate.iteration) return true;
  return task.iteration === gate.iteration && !gate.open;
}

/** The tokens that a task goes on from. */
export interface Prefix {
  readonly promptTokens: Int32Array;
  readonly responseTokens: Int32Array;
  /** Of the prompt, then the response so far. */
  readonly hash: string;
}

export function prefixOf(promptTokens: Int32Array, segments: readonly Segment[]): Prefix {
  const length = segments.reduce((sum, segment) => sum + segment.tokens.length, 0);
  const responseTokens = new Int32Array(length);
  let at = 0;
  for (const { tokens } of segments) {
    responseTokens.set(tokens, at);
    at += tokens.length;
  }
  return { promptTokens, responseTokens, hash: hashTokens(responseTokens, hashTokens(promptTokens)) };
}

/** Whether the store still waits for exactly this segment. */
export function isNext(task: RolloutTask, trajectory: Pick<Trajectory, 'state' | 'segments'>): boolean {
  const goesOn = trajectory.state === 'pending' || trajectory.state === 'unfinished';
  return goesOn && trajectory.segments.length === task.segmentIndex;
}

/** The segment that a finished sequence makes. */
export function segmentFrom(task: RolloutTask, actorId: string, prefixHash: string, result: SequenceResult): Segment {
  const { tokens, logProbs, endReason, promptTokens, reprefillTokens, startedAtMs, endedAtMs } = result;
  const meter = { promptTokens, reprefillTokens, startedAtMs, endedAtMs };
  return { ...emptySegment(task, actorId, prefixHash), tokens, logProbs, endReason, meter };
}

/** The segment of a try that failed: no tokens, and why. */
export function errorSegment(
  task: RolloutTask,
  actorId: string,
  prefixHash: string,
  error: string,
  nowMs: number,
): Segment {
  const meter = { promptTokens: 0, reprefillTokens: 0, startedAtMs: nowMs, endedAtMs: nowMs };
  return { ...emptySegment(task, actorId, prefixHash), endReason: 'error', error, meter };
}

function emptySegment(task: RolloutTask, actorId: string, prefixHash: string): Omit<Segment, 'endReason' | 'meter'> {
  return {
    id: segmentId(task.trajectoryId, task.segmentIndex),
    trajectoryId: task.trajectoryId,
    index: task.segmentIndex,
    attempt: task.attempt,
    iteration: task.iteration,
    policyVersion: task.policyVersion,
    actorId,
    prefixHash,
    tokens: new Int32Array(0),
    logProbs: new Float32Array(0),
    origins: null,
    lossMask: null,
    error: null,
  };
}
