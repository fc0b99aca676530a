/**
 * A cluster in memory for the controller's tests: a store, a bus, one actor, a trainer and a scorer, a few lines each, with the
 * meaning that the protos give to their calls. The world outlives controllers, so that one can be killed and another go on.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActivePolicy, Client, IterationSignal, Registration } from '@segue/bus';
import {
  type ActorApi,
  type ActorStatus,
  type EndReason,
  type GenerateResult,
  type Group,
  hashText,
  type IterationPlan,
  type IterationProgress,
  type IterationRecord,
  type PlannedTask,
  type PolicyVersionInfo,
  type Problem,
  parseRunConfig,
  parseTrajectoryId,
  type ReplayApi,
  type RewardApi,
  type RolloutTask,
  type RunConfigInput,
  type RunRecord,
  type Score,
  SegueError,
  type StoredEvent,
  type TrainerApi,
  type TrainProgress,
  type TrajectorySummary,
  trajectoryId,
} from '@segue/core';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';
import { createMetrics } from '@segue/service';
import { type Cluster, defaultTimings, type Timings } from '../dist/cluster.js';
import { Journal } from '../dist/journal.js';
import { controllerMetricTable } from '../dist/metrics.js';
import { Runs } from '../dist/runs.js';
import { Tokenizers } from '../dist/tokenizers.js';
import { Waits } from '../dist/waits.js';

export const alphabet = '0123456789+-*= \nabcdefghijklmnopqrstuvwxyz';
export const quick: Timings = {
  ...defaultTimings,
  pollMs: 2,
  actorPollMs: 1,
  reconcileMs: 5,
  scoreWaitMs: 50,
  flushTimeoutMs: 200,
  drainTimeoutMs: 200,
  activateGraceMs: 5,
  activateTimeoutMs: 100,
  retryMs: 1,
  retryMaxMs: 2,
  progressEventMs: 60_000,
};

export interface FakeSegment {
  readonly index: number;
  readonly iteration: number;
  readonly version: number;
  readonly endReason: EndReason;
  readonly attempt: number;
}
interface FakeTrajectory extends Omit<TrajectorySummary, 'segmentCount' | 'lastIteration' | 'endReason'> {
  segments: FakeSegment[];
  state: TrajectorySummary['state'];
  errors: number;
  reward: number | null;
}
interface FakeIteration {
  record: IterationRecord;
  maxAttempts: number;
}

const notFound = (what: string) => new SegueError('NOT_FOUND', `${what} is not there`);
/** Calls that a test does not expect. */
const closed = { address: 'fake', close: () => undefined };

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'segue-controller-'));
  readonly runs = new Map<string, RunRecord>();
  readonly problems: { runId: string; problem: Problem }[] = [];
  readonly iterations = new Map<string, FakeIteration[]>();
  readonly groups = new Map<string, Group & { state: 'open' | 'frozen' | 'consumed' | 'filtered' }>();
  readonly trajectories = new Map<string, FakeTrajectory>();
  readonly events = new Map<string, (StoredEvent & { key: string })[]>();
  readonly policies: PolicyVersionInfo[] = [];
  readonly trained: string[] = [];
  queue: RolloutTask[] = [];
  readonly published: RolloutTask[] = [];
  signal: IterationSignal | null = null;
  active: ActivePolicy | null = null;
  flushed: number | null = null;
  readonly held = new Map<string, RolloutTask>();
  readonly nudges = new Set<() => void>();
  readonly generateCalls: { actor: string; ids: string[]; version: number | null }[] = [];

  // What a test may change.
  actors = ['actor-0'];
  /** How the actor ends a segment; null: it runs until the iteration is closed. `error` fails the try. */
  endOf = (task: RolloutTask): EndReason | 'lose' | null => {
    const { groupIndex } = parseTrajectoryId(task.trajectoryId);
    if (task.segmentIndex >= groupIndex % 3) return 'stop';
    return task.lastSpan ? 'length' : 'budget';
  };
  rewardOf = (id: string) => (id.endsWith('t0') ? 1 : 0);
  scoreOf = (id: string): Score['status'] => (hashText(id, 2) % 3 === 0 ? 'wrong' : 'ok');
  beforeGenerate = (_actor: string, _ids: readonly string[]): void => undefined;
  trainFails: (() => SegueError | null) | null = null;

  // ---- the actor ----

  /** Takes what is in the queue, as far as the signal and the served version allow. */
  pump(): void {
    const gate = this.signal;
    if (gate === null || !gate.open || this.active?.version !== gate.policyVersion || this.actors.length === 0) return;
    for (const task of this.queue.splice(0)) {
      const end = this.endOf(task);
      if (end === 'lose') continue;
      if (end === null) this.held.set(task.trajectoryId, task);
      else this.append(task, end);
    }
  }

  /** The store's compare-and-append. */
  append(task: RolloutTask, endReason: EndReason): void {
    const trajectory = this.trajectories.get(task.trajectoryId)!;
    const iteration = this.iterations.get(task.runId)![task.iteration]!;
    if (iteration.record.state !== 'open' || trajectory.segments.length !== task.segmentIndex) return;
    if (endReason === 'error') {
      trajectory.errors++;
      if (trajectory.errors >= iteration.maxAttempts) trajectory.state = 'failed';
    } else {
      const { segmentIndex, iteration: at, policyVersion, attempt } = task;
      trajectory.segments.push({ index: segmentIndex, iteration: at, version: policyVersion, endReason, attempt });
      trajectory.errors = 0;
      trajectory.state = ['stop', 'repeat', 'length'].includes(endReason) ? 'scored' : 'unfinished';
      if (trajectory.state === 'scored') trajectory.reward = this.rewardOf(trajectory.id);
    }
    this.failedTries += endReason === 'error' ? 1 : 0;
    for (const nudge of this.nudges) nudge();
  }
  failedTries = 0;

  putSignal(signal: IterationSignal): void {
    this.signal = signal;
    if (signal.open) this.flushed = Math.max(this.flushed ?? -1, signal.iteration - 1);
    else {
      for (const task of this.held.values()) this.append(task, task.lastSpan ? 'length' : 'yield');
      this.held.clear();
      this.flushed = signal.iteration;
    }
    this.pump();
  }

  registration(id: string): Registration {
    return {
      id,
      service: 'actor',
      address: id,
      metricsAddress: '',
      policyVersion: this.active?.version ?? null,
      slots: 4,
      running: this.held.size,
      flushedIteration: this.flushed,
      runId: this.active?.runId ?? '',
      seenAtMs: 0,
      published: {},
    };
  }

  // ---- the store ----

  isComplete(group: Group): boolean {
    return this.membersOf(group).every(({ state }) => state === 'scored' || state === 'failed');
  }
  membersOf(group: Group): FakeTrajectory[] {
    return Array.from({ length: group.size }, (_, k) => this.trajectories.get(trajectoryId(group.id, k))!);
  }
  isUseful(group: Group): boolean {
    const rewards = this.membersOf(group).flatMap(({ reward }) => (reward === null ? [] : [reward]));
    return rewards.length >= 2 && new Set(rewards).size > 1;
  }
  ready(runId: string): Group[] {
    return [...this.groups.values()].filter((g) => g.runId === runId && g.state === 'open' && this.isComplete(g));
  }

  progress(runId: string, iteration: number, tasks: readonly PlannedTask[]): IterationProgress {
    const planned = tasks.map((task) => this.trajectories.get(task.trajectoryId)!);
    const segments = planned.flatMap((t) => t.segments.filter((segment) => segment.iteration === iteration));
    const finished = planned.filter((t) => t.state === 'scored' && t.segments.at(-1)?.iteration === iteration);
    const count = (reason: EndReason) => segments.filter(({ endReason }) => endReason === reason).length;
    return {
      committedTasks: segments.length,
      openTrajectoryIds: planned
        .filter((t) => t.state !== 'failed' && !t.segments.some((segment) => segment.iteration === iteration))
        .map(({ id }) => id),
      completeGroups: this.ready(runId).length,
      usefulGroups: this.ready(runId).filter((group) => this.isUseful(group)).length,
      awaitingScore: 0,
      generatedTokens: 10 * segments.length,
      reprefilledTokens: 0,
      promptTokens: 0,
      segmentsByEndReason: {
        stop: count('stop'),
        budget: count('budget'),
        yield: count('yield'),
        error: this.failedTries,
      },
      segmentsByActor: {},
      finishedTrajectories: finished.length,
      spanningTrajectories: finished.filter((t) => t.segments.length > 1).length,
      rewardSum: finished.reduce((sum, t) => sum + (t.reward ?? 0), 0),
      judged: finished.length,
      responseTokens: Uint32Array.from(finished, (t) => 10 * t.segments.length),
    };
  }

  view({ record }: FakeIteration): IterationRecord {
    if (record.state === 'committed') return record;
    return { ...record, progress: this.progress(record.runId, record.iteration, record.tasks) };
  }

  open(request: IterationPlan & { runId: string; iteration: number; policyVersion: number; maxAttempts: number }) {
    const { runId, iteration, policyVersion, tasks, newGroups, maxAttempts } = request;
    const all = this.iterations.get(runId) ?? [];
    this.iterations.set(runId, all);
    const kept = all[iteration];
    if (kept !== undefined) return this.view(kept);
    if (iteration !== all.length || (all.at(-1)?.record.state ?? 'committed') !== 'committed') {
      throw new SegueError('FAILED_PRECONDITION', `iteration ${iteration} is out of order`);
    }
    for (const group of newGroups) {
      if (this.groups.has(group.id)) throw new SegueError('INVALID_INPUT', `group ${group.id} is there`);
      this.groups.set(group.id, { ...group, state: 'open' });
      for (let k = 0; k < group.size; k++) {
        const id = trajectoryId(group.id, k);
        const { problemId } = group;
        this.trajectories.set(id, {
          id,
          groupId: group.id,
          problemId,
          state: 'pending',
          responseTokens: 0,
          firstIteration: iteration,
          errors: 0,
          reward: null,
          segments: [],
        });
      }
    }
    this.failedTries = 0;
    const record: IterationRecord = {
      runId,
      iteration,
      state: 'open',
      policyVersion,
      policyVersionOut: policyVersion,
      tasks,
      progress: this.progress(runId, iteration, tasks),
      batchGroupIds: [],
      filteredEqual: 0,
      filteredUnusable: 0,
      metricsJson: '',
      openedAtMs: Date.now(),
      closedAtMs: 0,
      committedAtMs: 0,
    };
    all.push({ record, maxAttempts });
    return this.view(all[iteration]!);
  }

  change(runId: string, iteration: number, from: IterationRecord['state'], next: () => Partial<IterationRecord>) {
    const entry = this.iterations.get(runId)?.[iteration];
    if (entry === undefined) throw notFound(`iteration ${iteration}`);
    if (entry.record.state === from) entry.record = { ...this.view(entry), ...next() };
    return this.view(entry);
  }

  freeze(runId: string, maxGroups: number): Partial<IterationRecord> {
    const ready = this.ready(runId);
    const useful = ready.filter((group) => this.isUseful(group));
    const batch = useful.slice(0, maxGroups);
    for (const group of batch) this.groups.get(group.id)!.state = 'frozen';
    for (const group of ready.filter((g) => !this.isUseful(g))) this.groups.get(group.id)!.state = 'filtered';
    return {
      state: 'frozen',
      batchGroupIds: batch.map(({ id }) => id),
      filteredEqual: ready.length - useful.length,
    };
  }

  summaries(runId: string): TrajectorySummary[] {
    return [...this.trajectories.values()]
      .filter((t) => this.groups.get(t.groupId)!.runId === runId && (t.state === 'pending' || t.state === 'unfinished'))
      .map(({ segments, ...t }) => ({
        ...t,
        segmentCount: segments.length,
        lastIteration: segments.at(-1)?.iteration ?? t.firstIteration,
        endReason: segments.at(-1)?.endReason ?? null,
      }));
  }

  addProblems(runId: string, problems: readonly Problem[]): void {
    for (const problem of problems) this.problems.push({ runId, problem });
  }

  policy(runId: string, version: number): PolicyVersionInfo {
    const ref = { runId, version, manifestSha256: `sha-${version}` };
    return { ref, parent: Math.max(0, version - 1), bytes: 1, folder: this.folder };
  }
}

/** Clients of the world's services. Each method is looked up by name, so `guard` can stand before it. */
export function clientsOf(world: World) {
  const replay: Partial<Client<ReplayApi>> = {
    putRun: async ({ run, expectedRevision }) => {
      const kept = world.runs.get(run.id);
      if (expectedRevision === null && kept !== undefined) return kept;
      if (expectedRevision !== null && kept?.revision !== expectedRevision) {
        throw new SegueError('FAILED_PRECONDITION', 'another write came first');
      }
      world.runs.set(run.id, { ...run, revision: (kept?.revision ?? 0) + 1 });
      return replay.getRun!({ runId: run.id });
    },
    getRun: async ({ runId }) => {
      const run = world.runs.get(runId);
      if (run === undefined) throw notFound(`run ${runId}`);
      const count = (purpose: string) =>
        world.problems.filter((p) => p.runId === runId && p.problem.purpose === purpose).length;
      return {
        ...run,
        trainProblems: count('train'),
        evaluationProblems: count('evaluation'),
        warmupProblems: count('warmup'),
      };
    },
    listRuns: async () => ({ runs: [...world.runs.values()] }),
    putProblems: async ({ runId }, items) => {
      const problems: Problem[] = [];
      for await (const problem of items) problems.push(problem);
      world.addProblems(runId, problems);
      return { accepted: problems.length, repeated: false };
    },
    listProblems: async function* ({ runId, purpose }) {
      for (const entry of world.problems) {
        if (entry.runId !== runId || (purpose !== null && entry.problem.purpose !== purpose)) continue;
        yield { problem: entry.problem, attempts: 0, successes: 0, openGroups: 0, lastIteration: null };
      }
    },
    openIteration: async (request) => world.open(request),
    closeIteration: async ({ runId, iteration }) => world.change(runId, iteration, 'open', () => ({ state: 'closed' })),
    freezeBatch: async ({ runId, iteration, maxGroups }) =>
      world.change(runId, iteration, 'closed', () => world.freeze(runId, maxGroups)),
    commitIteration: async ({ runId, iteration, policyVersionOut, metricsJson }) =>
      world.change(runId, iteration, 'frozen', () => {
        for (const id of world.iterations.get(runId)![iteration]!.record.batchGroupIds) {
          world.groups.get(id)!.state = 'consumed';
        }
        return { state: 'committed', policyVersionOut, metricsJson };
      }),
    getIteration: async ({ runId, iteration }) => {
      const entry = world.iterations.get(runId)?.at(iteration ?? -1);
      if (entry === undefined) throw notFound('iteration');
      return world.view(entry);
    },
    listIterations: async function* ({ runId }) {
      for (const entry of world.iterations.get(runId) ?? []) yield world.view(entry);
    },
    listUnfinished: async function* ({ runId }) {
      yield* world.summaries(runId);
    },
    appendEvent: async ({ runId, key, ...event }) => {
      const events = world.events.get(runId) ?? [];
      world.events.set(runId, events);
      const kept = key === '' ? undefined : events.find((e) => e.key === key);
      if (kept !== undefined) return kept;
      events.push({ ...event, key, sequence: events.length + 1 });
      return events.at(-1)!;
    },
    listEvents: async function* ({ runId, afterSequence }) {
      for (const event of (world.events.get(runId) ?? []).slice(afterSequence)) yield event;
    },
    getStatistics: async ({ runId }) => ({
      trajectoriesByState: { unfinished: world.summaries(runId).length },
      segmentsByEndReason: {},
      appendsByOutcome: {},
      groupsOpen: 0,
      groupsComplete: 0,
      groupsConsumed: 0,
      groupsFiltered: 0,
      finished: 0,
      spanning: 0,
      generatedTokens: 0,
      reprefilledTokens: 0,
      promptTokens: 0,
      bytesOnDisk: 0,
    }),
  };
  const written = (policy: PolicyVersionInfo, metricsJson: string): TrainProgress[] => [
    { stage: 'train', step: 1, steps: 2, metricsJson: '{"loss":1.5}', version: null },
    { stage: 'done', step: 2, steps: 2, metricsJson, version: policy },
  ];
  const trainer: Partial<Client<TrainerApi>> = {
    initializePolicy: async ({ runId }) => {
      await saveTokenizer(createCharacterTokenizer(alphabet), world.folder);
      return world.policy(runId, 0);
    },
    fineTune: async function* ({ runId }) {
      yield* written({ ...world.policy(runId, 0), bytes: 2 }, '{"loss":0.5}');
    },
    trainIteration: async function* ({ runId, iteration }) {
      const failure = world.trainFails?.() ?? null;
      if (failure !== null) throw failure;
      const { batchGroupIds, policyVersion } = world.iterations.get(runId)![iteration]!.record;
      const name = `${runId}/${iteration}: ${batchGroupIds.join(' ')}`;
      // A version that was written from the same batch is answered without training again.
      if (!world.trained.includes(name)) world.trained.push(name);
      yield* written(world.policy(runId, policyVersion + 1), '{"loss":0.25}');
    },
  };
  const reward: Partial<Client<RewardApi>> = {
    listScorers: async () => ({
      scorers: [
        { name: 'exact', description: '', metadataSchemaJson: '' },
        { name: 'expression', description: '', metadataSchemaJson: '{"type":"object"}' },
      ],
    }),
    scoreBatch: async ({ requests }) => ({
      scores: requests.map(({ id, scorer }): Score => {
        const status = world.scoreOf(id);
        const reward = status === 'ok' ? 1 : status === 'wrong' ? 0 : null;
        return { trajectoryId: id, scorer, status, reward, detail: '', durationMs: 0 };
      }),
    }),
  };
  const actor = (id: string): Partial<Client<ActorApi>> => ({
    getActorStatus: async (): Promise<ActorStatus> => ({
      ...world.registration(id),
      actorId: id,
      trajectoryIds: [...world.held.keys()],
      draining: false,
      device: 'cpu',
      generatedTokens: 0,
      reprefilledTokens: 0,
    }),
    generate: async function* ({ prompts, policyVersion }) {
      world.generateCalls.push({ actor: id, ids: prompts.map((p) => p.id), version: policyVersion });
      for (const [n, prompt] of prompts.entries()) {
        world.beforeGenerate(
          id,
          prompts.slice(n).map((p) => p.id),
        );
        const tokens = Int32Array.from({ length: 1 + (hashText(prompt.id) % 5) }, () => 5);
        const result: GenerateResult = {
          id: prompt.id,
          tokens,
          logProbs: new Float32Array(tokens.length),
          endReason: 'stop',
          policyVersion: policyVersion ?? 0,
          text: 'x',
        };
        yield result;
      }
    },
  });
  const bus: Cluster['bus'] = {
    publishRolloutTasks: async (tasks) => {
      world.published.push(...tasks);
      world.queue.push(...tasks);
      queueMicrotask(() => world.pump());
    },
    purgeRolloutTasks: async (runId) => {
      const before = world.queue.length;
      world.queue = world.queue.filter((task) => task.runId !== runId);
      return before - world.queue.length;
    },
    watchProgress: async function* ({ signal } = {}) {
      let ring: () => void = () => undefined;
      const nudge = () => ring();
      world.nudges.add(nudge);
      try {
        while (signal?.aborted === false) {
          await new Promise<void>((resolve) => {
            ring = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
          yield { runId: world.signal?.runId ?? '', iteration: 0, kind: 'segment' as const };
        }
      } finally {
        world.nudges.delete(nudge);
      }
    },
    putActivePolicy: async (policy) => {
      world.active = policy;
      world.pump();
    },
    putIterationSignal: async (signal) => world.putSignal(signal),
    registrations: async () => world.actors.map((id) => world.registration(id)),
    queueDepths: async () => {
      const none = { pending: 0, leased: 0 };
      const rollout = { pending: world.queue.length, leased: world.held.size };
      return { rollout, reward: none, segments: none, scores: none };
    },
  };
  return { replay, trainer, reward, actor, bus };
}

/** Stands before every call: may throw, before the call's effect or after it. */
export type Guard = (service: string, method: string, call: () => unknown) => unknown;

function guarded<T extends object>(service: string, client: Partial<T>, guard: Guard): T {
  return new Proxy(Object.assign({ ...closed }, client), {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => guard(service, String(name), () => Reflect.apply(method, target, args));
    },
  }) as unknown as T;
}

/** A controller in the world; `kill` drops it as a killed process would be. */
export function startController(world: World, guard: Guard = (_, __, call) => call(), timings: Timings = quick) {
  const clients = clientsOf(world);
  const stop = new AbortController();
  const logs: { level: string; fields: object; message: string }[] = [];
  const log = (level: string) => (fields: object, message: string) => void logs.push({ level, fields, message });
  const replay = guarded<Client<ReplayApi>>('replay', clients.replay, guard);
  const trainer = guarded<Client<TrainerApi>>('trainer', clients.trainer, guard);
  const reward = guarded<Client<RewardApi>>('reward', clients.reward, guard);
  const cluster: Cluster = {
    replay: async () => replay,
    trainer: async () => trainer,
    reward: async () => reward,
    actor: (address) => guarded<Client<ActorApi>>('actor', clients.actor(address), guard),
    bus: guarded<Cluster['bus']>('bus', clients.bus, guard),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    timings,
  };
  const journal = new Journal(cluster);
  const waits = new Waits();
  const metrics = createMetrics('controller', 'test').define(controllerMetricTable);
  const tokenizers = new Tokenizers(cluster, join(world.folder, 'tokenizers'));
  const runs = new Runs({ cluster, journal, waits, metrics, tokenizers, signal: stop.signal });
  return {
    cluster,
    journal,
    waits,
    metrics,
    tokenizers,
    runs,
    logs,
    signal: stop.signal,
    async kill() {
      stop.abort();
      await runs.settled();
    },
  };
}

/** A problem as the store holds it. */
export function problem(id: string, purpose: Problem['purpose'] = 'train'): Problem {
  return {
    id,
    purpose,
    prompt: `1+${id.length}=`,
    promptTokens: Int32Array.of(1, 4, 5),
    answer: '2',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response: purpose === 'warmup' ? '2' : null,
  };
}

export const smallRun: RunConfigInput = {
  iterations: 2,
  policy: { characters: alphabet },
  rollout: { groupsPerIteration: 2, groupSize: 2, overSampling: 1.5, maxSpan: 3, closeWhen: 'all' },
  warmup: { steps: 2 },
  evaluation: { everyIterations: 1, samples: 2 },
};

/** Writes a run with problems into the world, as CreateRun and SubmitProblems would have. */
export async function putRun(world: World, config: RunConfigInput = smallRun, id = 'r'): Promise<void> {
  const { replay, trainer } = clientsOf(world);
  const policy = await trainer.initializePolicy!({ runId: id });
  await replay.putRun!({
    run: {
      id,
      configJson: JSON.stringify(parseRunConfig(config, 'test')),
      state: 'created',
      createdAtMs: world.runs.size + 1,
      revision: 0,
      error: '',
      progressJson: JSON.stringify({ policy }),
      trainProblems: 0,
      evaluationProblems: 0,
      warmupProblems: 0,
    },
    expectedRevision: null,
  });
  world.addProblems(id, [
    ...Array.from({ length: 12 }, (_, n) => problem(`${id}-p${n}`)),
    ...Array.from({ length: 4 }, (_, n) => problem(`${id}-e${n}`, 'evaluation')),
    problem(`${id}-w0`, 'warmup'),
  ]);
}

/** Resolves when the condition holds; fails the test after a while. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < 5_000; look++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`waited in vain until ${what}`);
}
