/** A small run in a real store: problems, plans, segments that fit, verdicts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type EndReason,
  groupId,
  hashTokens,
  type IterationRecord,
  type Problem,
  type RunRecord,
  type Score,
  type Segment,
  type Trajectory,
  type TrajectorySummary,
  trajectoryId,
} from '@segue/core';
import { ReplayStore, type StoreOptions } from '@segue/replay';
import { runRecord as madeRecord, newGroups, segmentOf, trainProblem } from '../../../../scripts/lib/stored-run.mjs';

export const runId = 'run';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'segue-replay-'));
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

export function openStore(folder: string, options: Partial<StoreOptions> = {}): ReplayStore {
  return new ReplayStore({ folder, maxStoreBytes: 1 << 30, ...options });
}

export function runRecord(id = runId, config: object = {}): RunRecord {
  return madeRecord(id, config);
}

export function problem(id: string, promptTokens: readonly number[] = [1, 2, 3]): Problem {
  return trainProblem(id, {
    prompt: `prompt of ${id}`,
    promptTokens: Int32Array.from(promptTokens),
    tags: ['test'],
    metadata: { numbers: [3, 4] },
  });
}

/** A run with problems p0 ... p<count - 1>. */
export async function addRun(store: ReplayStore, problems = 4, config: object = {}): Promise<void> {
  await store.putRun(runRecord(runId, config), null);
  const items = Array.from({ length: problems }, (_, i) => problem(`p${i}`, [i + 1, i + 2, i + 3]));
  await store.putProblems({ runId, batchId: 'first' }, items);
}

export interface PlanOptions {
  /** Groups that begin: index and size. */
  readonly groups?: readonly (readonly [index: number, size: number])[];
  readonly policyVersion?: number;
  readonly maxAttempts?: number;
  /** Trajectories that go on; left out: all unfinished ones. */
  readonly resume?: readonly string[];
}

/** Groups 0, 1, ... of these sizes, for a plan. */
export function sized(...sizes: readonly number[]): NonNullable<PlanOptions['groups']> {
  return sizes.map((size, index) => [index, size] as const);
}

/** A plan of new groups alone: group n is of problem p<n>. */
export function planOf(iteration: number, groups: NonNullable<PlanOptions['groups']>) {
  const begins = groups.map(([index, size]) => ({ index, size, problemId: `p${index}` }));
  const begun = newGroups(runId, iteration, begins);
  return { runId, iteration, policyVersion: iteration, maxAttempts: 3, newGroups: begun.groups, tasks: begun.tasks };
}

/** Opens an iteration with a plan of the unfinished trajectories and new groups. */
export function open(store: ReplayStore, iteration: number, options: PlanOptions = {}): Promise<IterationRecord> {
  const { groups = [], policyVersion = iteration, maxAttempts = 3, resume } = options;
  const plan = planOf(iteration, groups);
  const waiting = [...store.listUnfinished(runId)].filter(({ id }) => resume === undefined || resume.includes(id));
  const resumed = waiting.map(({ id, groupId: group, problemId, segmentCount }) => ({
    trajectoryId: id,
    groupId: group,
    problemId,
    segmentIndex: segmentCount,
    lastSpan: false,
  }));
  return store.openIteration({ ...plan, policyVersion, maxAttempts, tasks: [...resumed, ...plan.tasks] });
}

/** Id of a member of a group of the run. */
export function member(group: number, index: number): string {
  return trajectoryId(groupId(runId, group), index);
}

/** The next segment of a trajectory, as an actor would write it in iteration 0. */
export function segmentAfter(
  { id, promptTokens, segments }: Pick<Trajectory, 'id' | 'promptTokens' | 'segments'>,
  endReason: EndReason,
  changes: Partial<Segment> = {},
): Segment {
  const index = changes.index ?? segments.length;
  const tokens = changes.tokens ?? Int32Array.from([10 + index, 11 + index]);
  let prefixHash = hashTokens(promptTokens);
  for (const { tokens: before } of segments) prefixHash = hashTokens(before, prefixHash);
  return segmentOf(id, index, {
    prefixHash,
    tokens,
    logProbs: Float32Array.from(tokens, (_, i) => -0.5 - i),
    endReason,
    error: endReason === 'error' ? 'the engine stopped' : null,
    meter: { promptTokens: 3, reprefillTokens: index * 2, startedAtMs: 1000, endedAtMs: 2000 },
    ...changes,
  });
}

/** The next segment of a trajectory in the newest iteration. */
export function segment(store: ReplayStore, id: string, endReason: EndReason, changes: Partial<Segment> = {}): Segment {
  const { iteration, policyVersion } = store.getIteration(runId, null);
  return segmentAfter(store.getTrajectory(id), endReason, { iteration, policyVersion, ...changes });
}

/** A failed try of the next segment. */
export function failedTry(store: ReplayStore, id: string, attempt: number): Segment {
  return segment(store, id, 'error', { attempt, tokens: new Int32Array(0), logProbs: new Float32Array(0) });
}

export function verdict(id: string, reward: number, changes: Partial<Score> = {}): Score {
  return {
    trajectoryId: id,
    scorer: 'exact',
    status: reward > 0 ? 'ok' : 'wrong',
    reward,
    detail: '',
    durationMs: 1,
    ...changes,
  };
}

export function failedVerdict(id: string, durationMs: number): Score {
  return verdict(id, 0, { status: 'timeout', reward: null, durationMs, detail: 'too slow' });
}

/** Ends a trajectory and judges it. */
export async function finish(store: ReplayStore, id: string, reward: number): Promise<void> {
  await store.appendSegment(runId, segment(store, id, 'stop'));
  await store.recordScore(runId, verdict(id, reward));
}

/** Closes, freezes and commits an iteration. */
export async function end(
  store: ReplayStore,
  iteration: number,
  { maxGroups = 0, versionOut }: { readonly maxGroups?: number; readonly versionOut?: number } = {},
): Promise<IterationRecord> {
  await store.closeIteration({ runId, iteration });
  const frozen = await store.freezeBatch({ runId, iteration, maxGroups, minUsable: 2, keepEqual: false });
  const trained = frozen.batchGroupIds.length > 0 ? frozen.policyVersion + 1 : frozen.policyVersion;
  return store.commitIteration({ runId, iteration, policyVersionOut: versionOut ?? trained, metricsJson: '{}' });
}

export function stateOf(store: ReplayStore, id: string): TrajectorySummary['state'] {
  return store.getTrajectory(id).state;
}
