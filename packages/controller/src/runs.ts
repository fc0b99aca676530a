/**
 * All runs of this controller: creates them, starts them, brings them to rest. One run is executed at a time; the others that
 * should run wait in the order in which they were resumed. State lives in the store; what is here is which run has the actors now.
 */
import {
  isAtRest,
  isOver,
  parseRunConfig,
  type RunConfig,
  type RunRecord,
  type RunState,
  type RunView,
  requireId,
  SegueError,
} from '@segue/core';
import { ActiveRun } from './active-run.js';
import { calmActors, calmUnread } from './calm.js';
import { type Cluster, cancelled, orNull } from './cluster.js';
import type { Journal } from './journal.js';
import type { ControllerMetrics } from './metrics.js';
import { executeRun } from './run-loop.js';
import { parseProgress, saveFirstPolicy, updateRun } from './run-progress.js';
import { requireNewBounds, requireRunnable, requireStopTokens } from './runnable.js';
import type { Tokenizers } from './tokenizers.js';
import type { Wait, Waits } from './waits.js';

export interface RunsParts {
  readonly cluster: Cluster;
  readonly journal: Journal;
  readonly waits: Waits;
  readonly metrics: ControllerMetrics;
  readonly tokenizers: Tokenizers;
  /** The largest message that services take from each other. */
  readonly maxMessageBytes: number;
  /** Fires when the process stops. */
  readonly signal: AbortSignal;
}

/** The run that has the actors now. */
interface Turn {
  readonly runId: string;
  /** null until it has been read from the store. */
  run: ActiveRun | null;
  /** The state that it takes when it has come to rest; null while nobody asked. */
  rest: 'paused' | 'stopped' | null;
  done: Promise<void>;
}

export class Runs {
  readonly #parts: RunsParts;
  readonly #queue = new Map<string, Wait>();
  #turn: Turn | null = null;
  #queueDone: Promise<void> = Promise.resolve();

  constructor(parts: RunsParts) {
    this.#parts = parts;
  }

  /** The run that is executed now. */
  get active(): ActiveRun | null {
    return this.#turn?.run ?? null;
  }

  /** See CreateRun in controller.proto. */
  async create(runId: string, configJson: string): Promise<RunView> {
    requireId(runId, 'run_id');
    const config = parseRunConfig(parseJson(configJson), `configuration of run ${runId}`);
    requireRunnable(config, this.#parts.maxMessageBytes);
    const effective = JSON.stringify(config);
    const existing = await orNull(this.#record(runId));
    if (existing === null) requireNewBounds(config);
    if (existing !== null && existing.configJson !== effective) {
      throw new SegueError('ALREADY_EXISTS', `run ${runId} exists with another configuration: choose another id`);
    }
    const record = existing ?? (await this.#put(newRecord(runId, effective)));
    if (parseProgress(record).policy !== null) return this.view(record);
    const trainer = await this.#parts.cluster.trainer();
    const policy = await trainer.initializePolicy({ runId });
    await requireStopTokens(this.#parts.tokenizers, policy, config);
    await saveFirstPolicy(this.#parts.cluster, runId, policy);
    return this.get(runId);
  }

  async get(runId: string): Promise<RunView> {
    return this.view(await this.#record(runId));
  }

  async list(): Promise<RunView[]> {
    const replay = await this.#parts.cluster.replay();
    const { runs } = await replay.listRuns({});
    return Promise.all(runs.map((record) => this.view(record)));
  }

  /** Starts a run or goes on with it; one that failed is tried again. */
  async resume(runId: string): Promise<RunView> {
    const turn = this.#turn;
    // One that comes to rest, or is left, does not go on by itself.
    if (turn?.runId === runId && (turn.rest !== null || turn.run?.isLeft)) await turn.done;
    const record = await this.#record(runId);
    if (record.state === 'stopped') {
      throw new SegueError('FAILED_PRECONDITION', `run ${runId} was stopped for good: create another one`);
    }
    if (record.state === 'finished') return this.view(record);
    requireProblems(record);
    const running = record.state === 'running' ? record : await this.#setState(runId, 'running');
    this.#enqueue(runId);
    return this.view(running);
  }

  /** Goes on with every run that should run and does not, oldest first: at the start of the process, and whenever one was dropped. */
  async recover(): Promise<void> {
    const replay = await this.#parts.cluster.replay();
    const { runs } = await replay.listRuns({});
    const running = runs.filter((record) => record.state === 'running');
    for (const record of running.toSorted((a, b) => a.createdAtMs - b.createdAtMs)) this.#enqueue(record.id);
  }

  /**
   * Brings a run to rest. A run that never ran stays as it is when it is paused.
   * @param signal ends the wait, not the coming to rest
   */
  async rest(runId: string, state: 'paused' | 'stopped', signal: AbortSignal): Promise<RunView> {
    await this.#takeOut(runId, state, signal);
    const record = await this.#record(runId);
    if (record.state === 'finished' || record.state === 'stopped') return this.view(record);
    if (state === 'paused' && record.state !== 'running') return this.view(record);
    const rested = await this.#setState(runId, state);
    // `recover` may have read the record before it was written, and queued the run again.
    await this.#takeOut(runId, state, signal);
    return this.view(rested);
  }

  /** Out of the queue, or, where it has the actors, until it has come to rest. */
  async #takeOut(runId: string, state: 'paused' | 'stopped', signal: AbortSignal): Promise<void> {
    this.#queue.get(runId)?.end();
    this.#queue.delete(runId);
    if (this.#turn?.runId !== runId) return;
    this.#turn.rest = state;
    this.#turn.run?.comeToRest();
    await Promise.race([this.#turn.done, rejectOn(signal)]);
  }

  /** Resolves when nothing is executed any more: after the process's signal fired. */
  settled(): Promise<void> {
    return this.#queueDone;
  }

  async view(record: RunRecord): Promise<RunView> {
    const replay = await this.#parts.cluster.replay();
    const latest = await orNull(replay.getIteration({ runId: record.id, iteration: null }));
    return {
      id: record.id,
      state: record.state,
      configJson: record.configJson,
      iterations: latest === null ? 0 : latest.iteration + (latest.state === 'committed' ? 1 : 0),
      policyVersion: latest?.policyVersionOut ?? 0,
      createdAtMs: record.createdAtMs,
      error: record.error,
      trainProblems: record.trainProblems,
      evaluationProblems: record.evaluationProblems,
      warmupProblems: record.warmupProblems,
    };
  }

  async #record(runId: string): Promise<RunRecord> {
    const replay = await this.#parts.cluster.replay();
    return replay.getRun({ runId });
  }

  async #put(run: RunRecord): Promise<RunRecord> {
    const replay = await this.#parts.cluster.replay();
    return replay.putRun({ run, expectedRevision: null });
  }

  /** Tells first, then writes: whoever sees a run at rest can read why. */
  async #setState(runId: string, state: RunState, error = ''): Promise<RunRecord> {
    await this.#parts.journal.append(runId, 'state', { state, error: error === '' ? null : error });
    this.#parts.cluster.log.info({ run: runId, state, error }, 'run changes its state');
    const record = await updateRun(this.#parts.cluster, runId, () => ({ state, error }));
    this.#parts.journal.wake(runId);
    return record;
  }

  #enqueue(runId: string): void {
    if (this.#turn?.runId === runId || this.#queue.has(runId) || this.#parts.signal.aborted) return;
    this.#queue.set(runId, this.#parts.waits.begin('turn', this.#turn?.runId ?? '', 1, runId));
    if (this.#turn === null) this.#queueDone = this.#executeQueue();
  }

  /** Executes what is queued, one after the other. */
  async #executeQueue(): Promise<void> {
    for (const [runId, wait] of this.#queue) {
      wait.end();
      this.#queue.delete(runId);
      const turn: Turn = { runId, run: null, rest: null, done: Promise.resolve() };
      this.#turn = turn;
      for (const other of this.#queue.values()) other.from = runId;
      turn.done = this.#execute(turn);
      await turn.done;
      this.#turn = null;
    }
  }

  async #execute(turn: Turn): Promise<void> {
    const { runId } = turn;
    const { signal } = this.#parts;
    try {
      const queued = await this.#record(runId);
      // Queued from a list that was read before it came to rest.
      if (queued.state !== 'running') return;
      const config = storedConfig(queued);
      const run = new ActiveRun({ ...this.#parts, runId, config, progress: parseProgress(queued) });
      turn.run = run;
      if (turn.rest !== null) run.comeToRest();
      const outcome = await executeRun(run);
      if (outcome.kind === 'interrupted') return;
      if (outcome.kind === 'failed') await calmActors(run);
      // Another controller may have brought it to rest since the last look, which stands, but for a stop that was asked for here.
      const record = await this.#record(runId);
      if (turn.rest === 'stopped' ? isOver(record) : run.isLeft || isAtRest(record)) return;
      if (outcome.kind === 'finished') await this.#setState(runId, 'finished');
      if (outcome.kind === 'halted') await this.#setState(runId, turn.rest ?? 'paused');
      if (outcome.kind === 'failed') await this.#setState(runId, 'failed', outcome.error.message);
    } catch (thrown) {
      const error = SegueError.from(thrown);
      if (!signal.aborted) await this.#cannotGoOn(turn, error);
    }
  }

  /** Where the store cannot be reached, the run stays `running` in it, and `recover` takes it up again. */
  async #cannotGoOn({ runId, run }: Turn, error: SegueError): Promise<void> {
    const { cluster } = this.#parts;
    cluster.log.error({ run: runId, err: error }, 'run could not go on');
    // What another version of the controller wrote, and this one cannot read, does not get better by another look. It is the run's end also where the
    // newer controller, which can read it, runs on for a moment: two versions are not to be up at once.
    if (run !== null || (error.code !== 'INVALID_CONFIG' && error.code !== 'DATA_LOSS')) return;
    try {
      await calmUnread(cluster, runId);
      await this.#setState(runId, 'failed', error.message);
    } catch (failure) {
      cluster.log.error({ run: runId, err: SegueError.from(failure) }, 'run could not be told to have failed');
    }
  }
}

function newRecord(id: string, configJson: string): RunRecord {
  return {
    id,
    configJson,
    state: 'created',
    createdAtMs: Date.now(),
    revision: 0,
    error: '',
    progressJson: '',
    trainProblems: 0,
    evaluationProblems: 0,
    warmupProblems: 0,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SegueError('INVALID_CONFIG', `config_json is not JSON: ${reason}`, error);
  }
}

/** Throws INVALID_CONFIG for what an earlier version took and this one does not. */
function storedConfig({ id, configJson }: RunRecord): RunConfig {
  return parseRunConfig(parseJson(configJson), `configuration of run ${id}`);
}

function requireProblems(record: RunRecord): void {
  const config = storedConfig(record);
  if (config.iterations > 0 && record.trainProblems === 0) {
    throw new SegueError('FAILED_PRECONDITION', `run ${record.id} has no training problems: submit some first`);
  }
  if (config.warmup.steps > 0 && record.warmupProblems === 0) {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `run ${record.id} has warmup.steps = ${config.warmup.steps} and no warm-up problems: submit some, or set it to 0`,
    );
  }
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(cancelled());
    else signal.addEventListener('abort', () => reject(cancelled()), { once: true });
  });
}
