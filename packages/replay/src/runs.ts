/**
 * Writes and reads of runs, problems and events. Every write runs inside a transaction and takes the tables with it.
 */
import { createHash } from 'node:crypto';
import { encodeRow } from '@segue/bus';
import {
  type BatchHeader,
  type BatchResult,
  type Problem,
  type ProblemPurpose,
  type ProblemRecord,
  type ReplayStatistics,
  type RunRecord,
  requireId,
  SegueError,
  type StoredEvent,
  type TrajectoryState,
  trajectoryStates,
} from '@segue/core';
import { countLetters } from './count-letters.js';
import { find } from './find.js';
import { countRetired, isRetired, requireRecords } from './retired.js';
import { type Counters, noCounts, type RunRow, untriedProblem } from './rows.js';
import type { Tables } from './tables.js';

const maxEventKeyLength = 512;

/** @throws SegueError NOT_FOUND */
export function requireRun(tables: Tables, runId: string): RunRow {
  const run = tables.runs.get([runId]);
  if (run === undefined) throw new SegueError('NOT_FOUND', `run ${JSON.stringify(runId)} is not in the store`);
  return run;
}

export function countersOf(tables: Tables, runId: string): Counters {
  return tables.counters.get([runId]) ?? noCounts;
}

export function getRun(tables: Tables, runId: string): RunRecord {
  const { trainProblems, evaluationProblems, warmupProblems } = countersOf(tables, runId);
  return { ...requireRun(tables, runId), trainProblems, evaluationProblems, warmupProblems };
}

export function runIds(tables: Tables): string[] {
  return tables.runs.keys([]).map((key) => String(key[0]));
}

/** Newest first. One whose record cannot be read is left out: it stands as damaged, and every call for it is refused. */
export function listRuns(tables: Tables): RunRecord[] {
  const runs = runIds(tables).flatMap((id) => (find(tables.runs, [id]).row === null ? [] : getRun(tables, id)));
  return runs.sort((a, b) => b.createdAtMs - a.createdAtMs);
}

/** Creates a run, or writes it when its revision is still `expectedRevision`. Writing the same again changes nothing. */
export function putRun(tables: Tables, run: RunRecord, expectedRevision: number | null, nowMs: number): RunRecord {
  requireId(run.id, 'run id');
  const { trainProblems: _, evaluationProblems: __, warmupProblems: ___, ...row } = run;
  const kept = tables.runs.get([run.id]);
  if (expectedRevision === null) {
    if (kept !== undefined && kept.configJson !== run.configJson) {
      throw new SegueError('ALREADY_EXISTS', `run ${run.id} exists with another configuration: choose another id`);
    }
    if (kept === undefined) {
      const createdAtMs = run.createdAtMs > 0 ? run.createdAtMs : nowMs;
      tables.runs.put([run.id], { ...row, createdAtMs, revision: 1 });
    }
    return getRun(tables, run.id);
  }
  const current = requireRun(tables, run.id);
  const next = { ...row, createdAtMs: current.createdAtMs, revision: expectedRevision + 1 };
  if (current.revision !== expectedRevision) {
    // A write that is repeated because its answer was lost finds itself.
    if (isSameRow(current, next)) return getRun(tables, run.id);
    throw new SegueError(
      'FAILED_PRECONDITION',
      `run ${run.id} has revision ${current.revision}, not ${expectedRevision}: another write came first, read it again`,
    );
  }
  tables.runs.put([run.id], next);
  return getRun(tables, run.id);
}

function isSameRow(a: RunRow, b: RunRow): boolean {
  return (
    a.revision === b.revision &&
    a.configJson === b.configJson &&
    a.state === b.state &&
    a.error === b.error &&
    a.progressJson === b.progressJson
  );
}

/** Adds a batch of problems, all or none. */
export function putProblems(tables: Tables, header: BatchHeader, problems: readonly Problem[]): BatchResult {
  const { runId, batchId } = header;
  const { state } = requireRun(tables, runId);
  requireRecords(tables, runId);
  requireId(batchId, 'batch id');
  const contentHash = hashProblems(problems);
  const kept = tables.batches.get([runId, batchId]);
  if (kept !== undefined) {
    if (kept.contentHash === contentHash) return { accepted: kept.accepted, repeated: true };
    throw new SegueError('ALREADY_EXISTS', `batch ${batchId} of run ${runId} was accepted before with other problems`);
  }
  if (state === 'stopped' || state === 'finished') {
    throw new SegueError('FAILED_PRECONDITION', `run ${runId} is ${state} and takes no more problems`);
  }
  let counters = countersOf(tables, runId);
  // Counts leave out what cannot be read; what is there keeps its place.
  const counted = counters.trainProblems + counters.evaluationProblems + counters.warmupProblems;
  let position = Math.max(counted, 1 + Number(tables.problems.lastKey([runId])?.[1] ?? -1));
  problems.forEach((problem, i) => {
    requireId(problem.id, `problem ${i}: id`);
    if (tables.problemPositions.has([runId, problem.id])) {
      throw new SegueError('ALREADY_EXISTS', `problem ${i}: ${problem.id} is in run ${runId} already`);
    }
    if (problem.promptTokens.length === 0) {
      throw new SegueError('INVALID_INPUT', `problem ${i}: ${problem.id} has no prompt tokens`);
    }
    tables.problems.put([runId, position], problem);
    tables.problemPositions.put([runId, problem.id], position);
    counters = withProblem(counters, problem.purpose);
    position++;
  });
  tables.counters.put([runId], counters);
  tables.batches.put([runId, batchId], { contentHash, accepted: problems.length });
  return { accepted: problems.length, repeated: false };
}

function withProblem(counters: Counters, purpose: ProblemPurpose): Counters {
  switch (purpose) {
    case 'train':
      return { ...counters, trainProblems: counters.trainProblems + 1 };
    case 'evaluation':
      return { ...counters, evaluationProblems: counters.evaluationProblems + 1 };
    case 'warmup':
      return { ...counters, warmupProblems: counters.warmupProblems + 1 };
  }
}

function hashProblems(problems: readonly Problem[]): string {
  const hash = createHash('sha256');
  for (const problem of problems) {
    // A list, so that the order of keys in an object does not matter.
    hash.update(
      encodeRow([
        problem.id,
        problem.purpose,
        problem.prompt,
        problem.promptTokens,
        problem.answer,
        problem.scorer,
        problem.tags,
        problem.difficulty,
        JSON.stringify(problem.metadata),
        problem.response,
      ]),
    );
  }
  return hash.digest('hex');
}

/** @throws SegueError NOT_FOUND */
export function requireProblem(tables: Tables, runId: string, problemId: string): Problem {
  const position = tables.problemPositions.get([runId, problemId]);
  const problem = position === undefined ? undefined : tables.problems.get([runId, position]);
  // Where a record is lost, another problem may have its place.
  if (problem?.id !== problemId) throw new SegueError('NOT_FOUND', `problem ${problemId} is not in run ${runId}`);
  return problem;
}

/** In the order of submission. */
export function* listProblems(tables: Tables, runId: string, purpose: ProblemPurpose | null): Generator<ProblemRecord> {
  requireRun(tables, runId);
  for (const problem of tables.problems.rows([runId])) {
    if (purpose !== null && problem.purpose !== purpose) continue;
    yield { problem, ...untriedProblem, ...tables.problemTallies.get([runId, problem.id]) };
  }
}

/** Appends an event; with a key, at most once. */
export function appendEvent(
  tables: Tables,
  runId: string,
  event: Omit<StoredEvent, 'sequence'> & { readonly key: string },
): StoredEvent {
  requireRun(tables, runId);
  requireRecords(tables, runId);
  const { key, kind, bodyJson, atMs } = event;
  if (key.length > maxEventKeyLength) {
    throw new SegueError(
      'INVALID_INPUT',
      `an event's key has at most ${maxEventKeyLength} characters, got ${key.length}`,
    );
  }
  const keptSequence = key === '' ? undefined : tables.eventKeys.get([runId, key]);
  const kept = keptSequence === undefined ? undefined : tables.events.get([runId, keptSequence]);
  if (kept !== undefined) return kept;
  const counters = countersOf(tables, runId);
  const stored: StoredEvent = { sequence: counters.events + 1, kind, bodyJson, atMs };
  tables.events.put([runId, stored.sequence], stored);
  if (key !== '') tables.eventKeys.put([runId, key], stored.sequence);
  tables.counters.put([runId], { ...counters, events: stored.sequence });
  return stored;
}

/** Events with a greater sequence, in order. */
export function* listEvents(tables: Tables, runId: string, afterSequence: number): Generator<StoredEvent> {
  requireRun(tables, runId);
  if (isRetired(tables, runId)) return;
  const last = countersOf(tables, runId).events;
  for (let sequence = afterSequence + 1; sequence <= last; sequence++) {
    const event = tables.events.get([runId, sequence]);
    if (event !== undefined) yield event;
  }
}

/** Counted in the file; what goes on in the process is not in it. */
export type StoredStatistics = Omit<ReplayStatistics, 'heldFromIteration' | 'heldToIteration'>;

export function statisticsOf(tables: Tables, runId: string): StoredStatistics {
  requireRun(tables, runId);
  const counters = countersOf(tables, runId);
  const { groupsByState } = counters;
  return {
    trajectoriesByState: counters.trajectoriesByState,
    segmentsByEndReason: counters.segmentsByEndReason,
    appendsByOutcome: counters.appendsByOutcome,
    groupsOpen: groupsByState.open ?? 0,
    groupsComplete: (groupsByState.complete ?? 0) + (groupsByState.frozen ?? 0),
    groupsConsumed: groupsByState.consumed ?? 0,
    groupsFiltered: groupsByState.filtered ?? 0,
    finished: counters.finished,
    spanning: counters.spanning,
    generatedTokens: counters.generatedTokens,
    reprefilledTokens: counters.reprefilledTokens,
    promptTokens: counters.promptTokens,
    bytesOnDisk: tables.bytesOnDisk(),
    deadLettersByKind: countLetters(tables),
    runsRetired: countRetired(tables),
  };
}

/** Trajectories by state, over all runs in the state `running`. */
export function trajectoriesOfRunning(tables: Tables): Record<TrajectoryState, number> {
  const counts = { pending: 0, unfinished: 0, finished: 0, scored: 0, failed: 0 };
  for (const id of runIds(tables)) {
    if (find(tables.runs, [id]).row?.state !== 'running') continue;
    const { trajectoriesByState } = countersOf(tables, id);
    for (const name of trajectoryStates) counts[name] += trajectoriesByState[name] ?? 0;
  }
  return counts;
}
