/**
 * The actor, wired up: lanes and engine, the rollout loop and its outbox, the policy follower, and what is reported of
 * them. Nothing is decided here.
 */
import { join } from 'node:path';
import type { ActivePolicy, Bus, Client, IterationSignal, Registration } from '@segue/bus';
import {
  type ActorConfig,
  type ActorStatus,
  type DeviceReleased,
  type Engine,
  type ReplayApi,
  SegueError,
} from '@segue/core';
import { PinnedVersions, type Shell, TrajectoryReader } from '@segue/service';
import type { DeviceTurn } from './device-turn.js';
import type { LanePolicy } from './lane-work.js';
import { type EngineFate, Lanes } from './lanes.js';
import { type ActorMetrics, actorMetricTable, countChunk, countSegment, type IdleReason } from './metrics.js';
import { peersWith } from './peers.js';
import { PolicyFollower } from './policy.js';
import type { PolicySource } from './policy-download.js';
import { PolicyFiles } from './policy-files.js';
import { PrefixReader } from './prefix-reader.js';
import { RolloutLoop } from './rollout-loop.js';
import { RunSettingsCache } from './run-settings.js';
import { SegmentOutbox } from './segment-outbox.js';
import { orAborted } from './shared-work.js';
import { ChunkSums, type Totals } from './status.js';

/** What the actor needs of its shell. */
export interface ActorShell extends Pick<Shell<ActorConfig>, 'config' | 'log' | 'metrics' | 'fail' | 'announce'> {
  readonly bus: Pick<Bus, 'takeRolloutTasks' | 'publishSegment' | 'markLostTries' | 'lostTries' | 'registrations'>;
  readonly peers: {
    replay(): Promise<Pick<Client<ReplayApi>, 'getRun' | 'getTrajectories'>>;
    trainer(): Promise<PolicySource>;
    actor(address: string): PolicySource;
  };
}

/** How long to try to publish a segment, in ms: a message server that is away must not cost what was generated. The rollout loop bounds what waits. */
const publishPatienceMs = 600_000;
const idleReleaseMs = 30_000;
const keepDownloads = 3;

const failureTexts: Readonly<Record<EngineFate, string>> = {
  replaced: 'the engine failed and is replaced',
  'given-up': 'the engine of an evaluation keeps failing: the evaluation is given up, rollouts go on',
  lost: 'the engine is lost, and with it this process',
};

export class Actor {
  readonly lanes: Lanes;
  readonly loop: RolloutLoop;
  readonly policies: PolicyFollower;
  readonly settings: RunSettingsCache;
  /** Versions that Generate calls under way ask for. */
  readonly pinned: PinnedVersions;
  readonly #shell: ActorShell;
  readonly #turn: DeviceTurn | null;
  readonly #metrics: ActorMetrics;
  readonly #outbox: SegmentOutbox;
  readonly #chunks = new ChunkSums();
  readonly #totals: Totals = { generatedTokens: 0, reprefilledTokens: 0 };
  /** What was loaded last: a lane that loads, or replaces its engine, does not say. */
  #served: LanePolicy | null = null;
  /** Why the announced version is not served; empty when it is. */
  #trouble = '';

  /** @param turn on a device that is shared with the trainer; left out: the actor has one to itself */
  constructor(shell: ActorShell, createEngine: () => Engine, turn: DeviceTurn | null = null) {
    this.#shell = shell;
    this.#turn = turn;
    const { config, log, bus, peers } = shell;
    this.pinned = new PinnedVersions(() => shell.announce());
    const metrics = shell.metrics.define(actorMetricTable);
    this.#metrics = metrics;
    metrics.slots.set(config.slots);
    this.settings = new RunSettingsCache(async (runId) => (await (await peers.replay()).getRun({ runId })).configJson);
    this.#outbox = new SegmentOutbox({
      bus,
      patienceMs: publishPatienceMs,
      onPublished: (segment) => countSegment(metrics, this.#totals, segment),
      onFailure: (segment, error, givenUp) => {
        metrics.publish_failures_total.inc();
        log.warn({ segment: segment.id, error: error.message, givenUp }, 'a segment could not be published');
      },
    });
    const trajectories = new TrajectoryReader(() => peers.replay());
    this.loop = new RolloutLoop({
      actorId: config.id,
      bus,
      outbox: this.#outbox,
      lane: () => this.lanes.rollout,
      prefixes: new PrefixReader((trajectoryId) => trajectories.getTrajectory({ trajectoryId })),
      rules: (runId) => this.#rules(runId),
      // A wall clock may jump: a lease would not be renewed for as long.
      nowMs: () => performance.now(),
      onReturned: (task, reason, detail) => {
        metrics.tasks_returned_total.inc({ reason });
        log.debug({ trajectory: task.trajectoryId, iteration: task.iteration, reason, detail }, 'a task is let go');
      },
      onTakeFailure: (error) => log.warn({ error: error.message }, 'the rollout queue cannot be read'),
      onRefused: (run, error) => {
        log.warn(
          { run, error: error.message },
          'the engine cannot generate for this run: its tasks are left to others',
        );
        this.#announce();
      },
      onFlushed: (iteration) => {
        log.info({ iteration }, 'the iteration is flushed');
        this.#announce();
      },
    });
    this.lanes = new Lanes({
      createEngine,
      engineTimeoutMs: config.engineTimeoutMs,
      rollouts: this.loop,
      idleReleaseMs,
      onIdle: (durationMs) => metrics.idle_seconds_total.inc({ reason: this.#idleReason() }, durationMs / 1_000),
      onChunk: (report, works) => {
        countChunk(metrics, report, works.length);
        const { tokens, steps, durationMs, prefillMs } = report;
        log.debug({ sequences: works.length, tokens, steps, durationMs, prefillMs }, 'a chunk');
        this.loop.noteChunk(report, works);
        const { gate } = this.loop;
        const own = works.filter((work) => work.source === this.loop).length;
        if (gate && own > 0)
          this.#chunks.add(`${gate.runId}/${gate.iteration}`, report, works.length, own / works.length);
      },
      onFailure: (error, fate) => {
        metrics.engine_failures_total.inc();
        log.error({ error: error.message }, failureTexts[fate]);
        if (fate === 'lost') shell.fail(error);
      },
    });
    this.policies = new PolicyFollower({
      files: new PolicyFiles({
        cacheFolder: join(config.dataFolder, 'actors', config.id, 'policies'),
        trainer: () => peers.trainer(),
        peers: async (ref) => {
          const actors = await bus.registrations('actor').catch(() => []);
          return peersWith(actors, ref, config.id, Math.random).map((address) => peers.actor(address));
        },
        onRefetch: (error) => {
          metrics.policy_refetches_total.inc({ code: error.code });
          log.warn({ error: error.message }, 'a part of a policy version is fetched again');
        },
        keepVersions: keepDownloads,
        isNeeded: (runId, version) =>
          this.pinned.has(runId, version) || (this.#served?.runId === runId && this.#served.version === version),
      }),
      served: () => this.lanes.rollout.policy,
      load: (policy) => this.#load(policy),
      prepare: config.prepareVersions ? (policy) => this.#prepare(policy) : undefined,
      onLoaded: ({ runId, version }, source, durationMs) => {
        this.#trouble = '';
        metrics.policy_version.set(version);
        metrics.policy_load_seconds.observe({ source }, durationMs / 1_000);
        log.info({ run: runId, version, source, durationMs: Math.round(durationMs) }, 'a policy version is served');
        this.#announce();
      },
      onFailure: ({ runId, version }, error) => {
        this.#trouble = `version ${version} of run ${runId} cannot be served, the one before goes on: ${error.rawMessage}`;
        metrics.policy_failures_total.inc({ code: error.code });
        log.warn(
          { run: runId, version, error: error.message },
          'a policy version cannot be served; the one before goes on',
        );
        this.#announce();
      },
    });
  }

  async start(): Promise<void> {
    await this.lanes.rollout.start();
    this.loop.start();
  }

  /** Follows the announced versions for as long as the bus gives them. */
  async followPolicies(announced: AsyncIterable<ActivePolicy>): Promise<void> {
    for await (const policy of announced) this.policies.follow(policy).catch(() => undefined);
  }

  /** Follows the announced iterations. What is closed in another run than the one that is served says nothing to us. */
  async followIterations(signals: AsyncIterable<IterationSignal>): Promise<void> {
    for await (const signal of signals) {
      const { gate } = this.loop;
      if (!signal.open && gate?.runId === signal.runId) void this.#turn?.announceEnd();
      if (signal.open || !gate || gate.runId === signal.runId) await this.loop.follow(signal);
    }
  }

  /**
   * Tries again to serve what the open iteration asks for, when a load has failed.
   * @param signal ends the wait for it; a download goes on until another version is wanted
   */
  async catchUp(signal: AbortSignal): Promise<void> {
    const { gate } = this.loop;
    const { policy, isLoading } = this.lanes.rollout;
    if (!gate?.open || isLoading || (policy?.runId === gate.runId && policy.version === gate.policyVersion)) return;
    await orAborted(this.policies.catchUp(gate.runId), signal).catch(() => undefined);
  }

  /** Frees all memory of the engine, and the device for who shares it. */
  async releaseDevice(): Promise<DeviceReleased> {
    if (!this.#turn) {
      throw new SegueError('FAILED_PRECONDITION', 'this actor has a device to itself (deployment=disaggregated)');
    }
    const released = await this.#turn.end(this.lanes);
    this.#announce();
    return released;
  }

  async stop(): Promise<void> {
    try {
      await this.loop.drain();
    } finally {
      await this.lanes.stop();
    }
  }

  get status(): ActorStatus {
    const { rollout, engineCall } = this.lanes;
    return {
      actorId: this.#shell.config.id,
      runId: this.#runId,
      policyVersion: rollout.policy?.version ?? null,
      slots: rollout.slots,
      running: rollout.running,
      trajectoryIds: this.loop.trajectoryIds,
      draining: this.loop.draining,
      device: rollout.engineStatus?.device ?? this.#shell.config.device,
      generatedTokens: this.#totals.generatedTokens,
      reprefilledTokens: this.#totals.reprefilledTokens,
      flushedIteration: this.loop.flushedIteration,
      engineCall: engineCall?.name ?? '',
      engineCallMs: Math.round(engineCall?.ageMs ?? 0),
      policyRunId: rollout.policy?.runId ?? '',
      refusedRuns: this.loop.refusedRuns,
    };
  }

  /** What the heartbeat says. */
  get registration(): Partial<Registration> {
    const { policyVersion, slots, running, flushedIteration, runId, engineCallMs } = this.status;
    this.#metrics.slots_busy.set(running);
    this.#metrics.tasks_held.set(this.loop.trajectoryIds.length);
    this.#metrics.engine_call_seconds.set(engineCallMs / 1_000);
    const { published } = this.#outbox;
    const { busySlotMs, engineTimes, firstTokenAtMs } = this.#chunks;
    const pinned = this.pinned.byVersion;
    const trouble = [this.#trouble, this.loop.trouble].filter((what) => what !== '').join('; ');
    const load = { slots, running, published, busySlotMs, engineTimes, firstTokenAtMs };
    return { ...load, policyVersion, flushedIteration, runId, pinned, trouble };
  }

  get #runId(): string {
    return this.loop.gate?.runId ?? this.lanes.rollout.policy?.runId ?? '';
  }

  async #rules(runId: string) {
    const policy = this.lanes.rollout.policy;
    if (policy?.runId !== runId) throw new SegueError('FAILED_PRECONDITION', `no policy of run ${runId} is served`);
    const settings = await this.settings.settings(runId);
    const tokenizer = await this.settings.tokenizer(policy);
    const { maxAttempts } = settings.config.rollout;
    return { stopTokens: settings.stopTokens(tokenizer), repeat: settings.repeat, maxAttempts };
  }

  async #load(policy: LanePolicy): Promise<void> {
    this.#turn?.begin();
    await this.lanes.switchTo(policy);
    this.#served = policy;
    this.loop.wake();
  }

  async #prepare(policy: LanePolicy | null): Promise<void> {
    if (policy === null) return this.lanes.rollout.prepare(null);
    const sinceMs = performance.now();
    this.#turn?.begin();
    await this.lanes.rollout.prepare(policy);
    const durationMs = Math.round(performance.now() - sinceMs);
    this.#shell.log.info({ run: policy.runId, version: policy.version, durationMs }, 'a policy version is ready');
  }

  #idleReason(): IdleReason {
    if (this.lanes.rollout.isLoading) return 'loading';
    return this.loop.gate?.open ? 'no-task' : 'closed';
  }

  #announce(): void {
    this.#shell
      .announce()
      .catch((error) => this.#shell.log.warn({ error: SegueError.from(error).message }, 'heartbeat failed'));
  }
}
