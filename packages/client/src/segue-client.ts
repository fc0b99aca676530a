/**
 * The client that users import: submit problems, start and watch runs, read what came of them. It needs the controller's address alone; the
 * store's it learns from the controller.
 */
import {
  type Client,
  type ConnectOptions,
  connectActor,
  connectController,
  connectReplay,
  connectTables,
  connectTrainer,
} from '@segue/bus';
import {
  type ActorStatus,
  type BatchResult,
  type ClusterStatus,
  type ControllerApi,
  type DeadLetterRecord,
  type EvaluationRequest,
  type EvaluationResult,
  type GenerateResult,
  type PolicyManifest,
  type ReplayStatistics,
  type RequeueOutcome,
  type RunConfigInput,
  type RunEventOf,
  type RunView,
  type ScorerInfo,
  type ScorerRegistration,
  type ScorerServer,
  SegueError,
  type Trajectory,
  type TrajectoryRecord,
} from '@segue/core';
import { type ClientCredentials, readClientCredentials } from './credentials.js';
import { type ExportOptions, exportPolicy } from './export-policy.js';
import { type GenerateOptions, generate } from './generate.js';
import { readStore, type StoreClient } from './store-client.js';
import { type Problems, type SubmitOptions, submitBatch } from './submit.js';
import { TablesClient } from './table-client.js';
import { type WatchOptions, watchEvents } from './watch.js';

/** @param address host:port of the controller @throws INVALID_CONFIG for credentials that cannot be read */
export function connect(address: string, credentials: ClientCredentials = {}): SegueClient {
  const options = readClientCredentials(credentials);
  return new SegueClient(connectController(address, options), options);
}

export class SegueClient {
  readonly #controller: Client<ControllerApi>;
  readonly #options: ConnectOptions;
  #store: StoreClient | null = null;
  #tables: TablesClient | null = null;

  /** @param options with which the store is called too */
  constructor(controller: Client<ControllerApi>, options: ConnectOptions = {}) {
    this.#controller = controller;
    this.#options = options;
  }

  /** Creates a run, or answers with the one of this id and configuration. ALREADY_EXISTS for another configuration. */
  createRun(runId: string, config: RunConfigInput): Promise<RunView> {
    return this.#controller.createRun({ runId, configJson: JSON.stringify(config) });
  }

  /**
   * All or nothing, idempotent by batch id: a batch that comes again is in once, with other content it is refused with ALREADY_EXISTS. INVALID_INPUT names the
   * problem's position. Tried again while the controller cannot be reached, and after the time that a busy one asks for.
   *
   * @param problems a collection is read and a function called for every try; what may be used up, such as a generator or a stream, is sent once
   */
  submitProblems(
    runId: string,
    batchId: string,
    problems: Problems | (() => Problems),
    options?: SubmitOptions,
  ): Promise<BatchResult> {
    return submitBatch(this.#controller, { runId, batchId }, problems, options);
  }

  getRun(runId: string): Promise<RunView> {
    return this.#controller.getRun({ runId });
  }

  /** Newest first. */
  async listRuns(): Promise<readonly RunView[]> {
    return (await this.#controller.listRuns({})).runs;
  }

  /** Starts a created run, or goes on with a paused one. */
  resumeRun(runId: string): Promise<RunView> {
    return this.#controller.resumeRun({ runId });
  }

  /** Returns when the run has come to rest; what was being generated is saved. */
  pauseRun(runId: string): Promise<RunView> {
    return this.#controller.pauseRun({ runId });
  }

  /** Ends a run for good; its data stays readable. */
  stopRun(runId: string): Promise<RunView> {
    return this.#controller.stopRun({ runId });
  }

  /** Events until the run comes to rest; reconnects by itself. */
  watchRun(runId: string, options?: WatchOptions): AsyncIterable<RunEventOf> {
    return watchEvents(this.#controller, runId, options);
  }

  /** Follows a run to its rest. @throws the run's own error when it failed */
  async waitForRun(runId: string, options?: Pick<WatchOptions, 'signal'>): Promise<RunView> {
    for await (const _ of this.watchRun(runId, { ...options, fromStart: true }));
    const run = await this.getRun(runId);
    if (run.state === 'failed') throw new SegueError('INTERNAL', `run ${runId} failed: ${run.error}`);
    return run;
  }

  /** Evaluates a policy version on the run's held-out problems, in a lane of its own. */
  evaluate(request: EvaluationRequest): Promise<EvaluationResult> {
    return this.#controller.evaluate(request);
  }

  /**
   * Generates for one's own evaluation: nothing is stored, and the run goes on meanwhile. What an actor that dies has not answered goes to another one.
   *
   * @param prompts text by an id of one's own; the same ids, seed and version give the same tokens
   * @returns results in the order in which they end
   */
  generate(prompts: Readonly<Record<string, string>>, options: GenerateOptions): AsyncIterable<GenerateResult> {
    const finder = {
      actors: async (runId: string) => (await this.status(runId)).actors,
      activeVersion: async (runId: string) => (await this.getRun(runId)).policyVersion,
      connect: (address: string) => connectActor(address, this.#options),
    };
    return generate(finder, prompts, options);
  }

  /**
   * Writes a policy version into a new folder in the layout of Hugging Face, every file compared with its checksum.
   *
   * @returns what it was made of
   */
  async exportPolicy(runId: string, folder: string, options: ExportOptions = {}): Promise<PolicyManifest> {
    const version = options.policyVersion ?? (await this.getRun(runId)).policyVersion;
    const trainer = connectTrainer(await this.#addressOf('trainer'), this.#options);
    try {
      return await exportPolicy(trainer, runId, version, folder, options);
    } finally {
      trainer.close();
    }
  }

  /** The scorers that problems may name: built in, and registered. */
  async listScorers(): Promise<readonly ScorerInfo[]> {
    return (await this.#controller.listScorers({})).scorers;
  }

  /** Says where a scorer server of one's own listens; to be said again before the time in the answer is over. `serveScorers` does all of it. */
  registerScorers(server: ScorerServer): Promise<ScorerRegistration> {
    return this.#controller.registerScorers(server);
  }

  /** @returns the scorers that the server does not serve any more */
  async unregisterScorers(instance: string): Promise<readonly string[]> {
    return (await this.#controller.unregisterScorers({ instance })).scorers;
  }

  /** What the cluster does and waits for. @param runId empty: the newest run */
  status(runId = ''): Promise<ClusterStatus> {
    return this.#controller.getClusterStatus({ runId });
  }

  /** Has an actor save what it generates and take no more work. NOT_FOUND when none of this id is registered. */
  async drainActor(actorId: string): Promise<ActorStatus> {
    const { actors } = await this.status();
    const found = actors.find((actor) => actor.actorId === actorId);
    if (found === undefined) {
      const known = actors.map((actor) => actor.actorId).join(', ');
      throw new SegueError('NOT_FOUND', `no actor ${actorId} is registered; there are ${known || 'none'}`);
    }
    const actor = connectActor(found.address, this.#options);
    try {
      return await actor.drain({});
    } finally {
      actor.close();
    }
  }

  /** What was given up, oldest first, without bodies. @param runId empty: all */
  deadLetters(runId = ''): AsyncIterable<DeadLetterRecord> {
    return this.#controller.listDeadLetters({ runId });
  }

  /** With its body. NOT_FOUND when it is gone. */
  deadLetter(id: string): Promise<DeadLetterRecord> {
    return this.#controller.getDeadLetter({ id });
  }

  /** Puts it back to work; answers how. */
  async requeueDeadLetter(id: string): Promise<RequeueOutcome> {
    return (await this.#controller.requeueDeadLetter({ id })).outcome;
  }

  /** Forgets it for good. */
  dropDeadLetter(id: string): Promise<DeadLetterRecord> {
    return this.#controller.dropDeadLetter({ id });
  }

  async trajectory(id: string): Promise<Trajectory> {
    return (await this.#openStore()).trajectory(id);
  }

  async *trajectories(runId: string): AsyncGenerator<TrajectoryRecord> {
    yield* (await this.#openStore()).trajectories(runId);
  }

  async statistics(runId: string): Promise<ReplayStatistics> {
    return (await this.#openStore()).statistics(runId);
  }

  async #openStore(): Promise<StoreClient> {
    const address = this.#store === null ? await this.#addressOf('replay') : '';
    // Looked at again: another call may have connected meanwhile.
    this.#store ??= readStore(connectReplay(address, this.#options));
    return this.#store;
  }

  /** The replay store's tables: what to sample from, beside what the run trains on by itself. */
  async tables(): Promise<TablesClient> {
    const address = this.#tables === null ? await this.#addressOf('replay') : '';
    this.#tables ??= new TablesClient(connectTables(address, this.#options));
    return this.#tables;
  }

  async #addressOf(service: 'replay' | 'trainer'): Promise<string> {
    const { services } = await this.status();
    const found = services.find((entry) => entry.service === service);
    if (!found) throw new SegueError('UNAVAILABLE', `the controller knows no ${service} service now; try again`);
    return found.address;
  }

  close(): void {
    this.#tables?.close();
    this.#store?.close();
    this.#controller.close();
  }
}
