/**
 * The trainer, wired up: policy store, learner, and the replay store that it reads. One piece of work at a time; the
 * next waits for the one before to end or to stop.
 */
import { join } from 'node:path';
import { type Client, OpenSpan } from '@segue/bus';
import {
  type CompleteGroup,
  type PolicyVersionInfo,
  type Problem,
  parseRunConfig,
  type ReplayApi,
  type RunConfig,
  SegueError,
  type TrainerConfig,
  type TrainerStatus,
  type TrainProgress,
} from '@segue/core';
import type { LoadOrder } from '@segue/service';
import { fineTune } from './fine-tune.js';
import { initializePolicy } from './initialize.js';
import { Learner, type LearnerSeams, policyOpening } from './learner.js';
import { observeProgress, type TrainerMetrics } from './metrics.js';
import { OldVersions } from './old-versions.js';
import { type BeforeReveal, PolicyStore } from './policy-store.js';
import { repeatLast } from './repeat-last.js';
import { trainIteration } from './train-iteration.js';

export type ReplayReader = Pick<
  Client<ReplayApi>,
  | 'getRun'
  | 'listRuns'
  | 'getIteration'
  | 'getStatistics'
  | 'listIterations'
  | 'listProblems'
  | 'listUnfinished'
  | 'streamCompleteGroups'
>;

export interface TrainerLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface TrainerOptions {
  readonly config: Pick<
    TrainerConfig,
    | 'dataFolder'
    | 'sharedFolder'
    | 'checkpointsFolder'
    | 'threads'
    | 'device'
    | 'precision'
    | 'engineTimeoutMs'
    | 'keepVersions'
  >;
  readonly log: TrainerLog;
  readonly metrics: TrainerMetrics;
  readonly replay: () => Promise<ReplayReader>;
  /** Versions of a run that evaluations have pinned. */
  readonly pinned: (runId: string) => Promise<ReadonlySet<number>>;
  /** The engine hangs: this process is of no use any more. */
  readonly onHang: (error: SegueError) => void;
  /** Of a device that is shared with an actor; null: the trainer has one to itself. */
  readonly agent: NonNullable<LearnerSeams['agent']> | null;
  readonly seams?: TrainerSeams;
}

/** What tests put in place of the trainer's own. */
export interface TrainerSeams {
  /** What a training thread runs. */
  readonly engineEntry?: URL;
  readonly beforeReveal?: BeforeReveal;
}

/** Longest silence of a call under way, in ms: far less than what its caller takes for the end of this process. */
const repeatMs = 30_000;

const idle: TrainerStatus = {
  state: 'idle',
  runId: '',
  policyVersion: null,
  stage: '',
  step: 0,
  steps: 0,
  device: '',
  engineCall: '',
  engineCallMs: 0,
};

export class Trainer {
  readonly store: PolicyStore;
  readonly #options: TrainerOptions;
  readonly #learner: Learner;
  readonly #old: OldVersions;
  #status: TrainerStatus;
  #busy: Promise<void> = Promise.resolve();

  constructor(options: TrainerOptions) {
    this.#options = options;
    const { config, agent, seams = {} } = options;
    const { dataFolder, device, sharedFolder } = config;
    this.store = new PolicyStore(join(dataFolder, 'policies'), sharedFolder, seams.beforeReveal);
    this.#old = new OldVersions(this.store, options);
    this.#learner = new Learner(config, { entry: seams.engineEntry, agent });
    this.#status = { ...idle, device };
  }

  get status(): TrainerStatus {
    const call = this.#learner.call;
    return { ...this.#status, engineCall: call?.name ?? '', engineCallMs: Math.round(call?.ageMs ?? 0) };
  }

  async initialize(runId: string): Promise<PolicyVersionInfo> {
    const release = await this.#begin();
    try {
      const { checkpointsFolder } = this.#options.config;
      const stored = await initializePolicy(this.store, runId, await this.#readConfig(runId), checkpointsFolder);
      this.#status = { ...this.#status, runId, policyVersion: 0 };
      return this.store.info(stored);
    } catch (error) {
      await this.#old.makeRoom(runId, error);
      throw error;
    } finally {
      release();
    }
  }

  /** Warms a version up on the run's worked examples. */
  async *fineTune(
    runId: string,
    fromVersion: number,
    replace: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<TrainProgress> {
    const release = await this.#begin();
    try {
      this.#status = { ...this.#status, state: 'warmup', runId };
      const config = await this.#readConfig(runId);
      const problems = await this.#readWarmup(runId);
      const order = { runId, config, fromVersion, replace, problems, signal };
      yield* repeatLast(this.#watched(fineTune(this.store, this.#learner, order)), repeatMs);
    } catch (error) {
      await this.#old.makeRoom(runId, error);
      throw error;
    } finally {
      await this.#end(release);
    }
  }

  /** Trains an iteration on its frozen batch. */
  async *train(runId: string, iteration: number, signal: AbortSignal): AsyncGenerator<TrainProgress> {
    const release = await this.#begin();
    try {
      this.#status = { ...this.#status, state: 'train', runId };
      const config = await this.#readConfig(runId);
      const { policyVersion, groups } = await this.#readBatch(runId, iteration);
      const order = { runId, config, iteration, policyVersion, groups, signal };
      const spans = trainSpans(groups, iteration);
      yield* repeatLast(this.#watched(trainIteration(this.store, this.#learner, order)), repeatMs);
      // What fails has trained nothing: its spans are never ended, and so never sent.
      for (const span of spans) span.end();
      await this.#old.prune(runId);
    } catch (error) {
      await this.#old.makeRoom(runId, error);
      throw error;
    } finally {
      await this.#end(release);
    }
  }

  /** Has a version in the engine before its iteration is trained. */
  async load({ runId, version }: LoadOrder): Promise<void> {
    const release = await this.#begin();
    try {
      const opening = policyOpening(await this.#readConfig(runId));
      await this.#learner.open(await this.store.verify(runId, version), opening);
      this.#learner.isNow(await this.store.get(runId, version));
    } finally {
      release();
    }
  }

  /** Ends its turn on a shared device, after what it does. */
  async releaseDevice(): Promise<void> {
    const release = await this.#begin();
    try {
      await this.#learner.rest();
    } finally {
      release();
    }
  }

  /** Removes old versions that nobody needs any more, while there is nothing else to do. */
  async retire(): Promise<void> {
    // It can wait; a training would keep it waiting for long.
    if (this.#status.state !== 'idle') return;
    if (!(await this.#old.canClear())) return;
    const release = await this.#begin();
    try {
      // Looked at again: a run that was created meanwhile may begin with one of them.
      await this.#old.clear();
    } finally {
      release();
    }
  }

  async stop(): Promise<void> {
    await this.#busy;
    await this.#learner.close();
  }

  /** Waits for the work before; the caller releases what it got. */
  async #begin(): Promise<() => void> {
    const before = this.#busy;
    let release: () => void = () => undefined;
    this.#busy = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  async #end(release: () => void): Promise<void> {
    this.#status = { ...this.#status, state: 'idle', stage: '' };
    try {
      // Work that failed has not given the device back.
      await this.#learner.rest();
    } finally {
      release();
    }
    // The rollout has begun; its end may be too short a notice.
    this.#learner.standBy().catch((error) => {
      this.#options.log.warn({ error: SegueError.from(error).message }, 'no process stands by for the next turn');
    });
    const { hung } = this.#learner;
    if (hung) this.#options.onHang(hung);
  }

  /** Passes progress on, and keeps it for the status and the metrics. */
  async *#watched(steps: AsyncIterable<TrainProgress>): AsyncGenerator<TrainProgress> {
    const { log, metrics } = this.#options;
    for await (const message of steps) {
      const { stage, step, steps: of, version } = message;
      const { state } = this.#status;
      this.#status = { ...this.#status, stage, step, steps: of };
      observeProgress(metrics, state, message);
      if (version) {
        this.#status = { ...this.#status, policyVersion: version.ref.version };
        const { runId, version: number } = version.ref;
        log.info(
          { run: runId, version: number, work: state, metrics: JSON.parse(message.metricsJson) },
          'a version is ready',
        );
      }
      yield message;
    }
  }

  async #readConfig(runId: string): Promise<RunConfig> {
    const { configJson } = await (await this.#options.replay()).getRun({ runId });
    return parseRunConfig(JSON.parse(configJson), `configuration of run ${runId}`);
  }

  async #readWarmup(runId: string): Promise<Problem[]> {
    const replay = await this.#options.replay();
    const problems: Problem[] = [];
    for await (const { problem } of replay.listProblems({ runId, purpose: 'warmup' })) problems.push(problem);
    return problems;
  }

  /** The frozen batch in the store's order; FAILED_PRECONDITION when the iteration has none. */
  async #readBatch(
    runId: string,
    iteration: number,
  ): Promise<{ policyVersion: number; groups: readonly CompleteGroup[] }> {
    const replay = await this.#options.replay();
    const { state, policyVersion, batchGroupIds } = await replay.getIteration({ runId, iteration });
    if (state !== 'frozen' && state !== 'committed') {
      throw new SegueError(
        'FAILED_PRECONDITION',
        `iteration ${iteration} of run ${runId} is ${state}: its batch is not frozen yet`,
      );
    }
    const groups: CompleteGroup[] = [];
    if (batchGroupIds.length > 0) {
      for await (const group of replay.streamCompleteGroups({ runId, iteration })) groups.push(group);
    }
    if (groups.length !== batchGroupIds.length) {
      throw new SegueError(
        'DATA_LOSS',
        `the batch of iteration ${iteration} of run ${runId} has ${batchGroupIds.length} groups, the store gave ${groups.length}`,
      );
    }
    return { policyVersion, groups };
  }
}

/** A span for each trajectory of the batch that is traced. */
function trainSpans(groups: readonly CompleteGroup[], iteration: number): OpenSpan[] {
  return groups.flatMap(({ trajectories }) =>
    trajectories.flatMap(({ id, traceParent }) => {
      if (traceParent === undefined) return [];
      const attributes = { 'segue.trajectory': id, 'segue.iteration': iteration };
      return [new OpenSpan({ name: 'train', parent: traceParent, attributes })];
    }),
  );
}
