/** The work bus over NATS JetStream: the queues, buckets and nudges of one process behind one connection. */
import {
  type DeviceLease,
  type RewardTask,
  type RolloutTask,
  requireId,
  type Score,
  type Segment,
  SegueError,
  type ServiceName,
} from '@segue/core';
import { pause } from '../abort.js';
import { AsyncQueue } from '../async-queue.js';
import type { TraceParent } from '../tracing.js';
import { followAbandoned } from './abandoned.js';
import { Bucket } from './bucket.js';
import type {
  ActivePolicy,
  Bus,
  BusOptions,
  DeadLetter,
  Delivered,
  HeldLetter,
  IterationSignal,
  KeptLease,
  LostTries,
  ProgressNote,
  QueueDepths,
  Registration,
  ScorerEntry,
  TakeOptions,
  TracesById,
  Untilable,
} from './bus.js';
import { decodeBody, encodeBody } from './codec.js';
import { type Connection, fromNats, openConnection, withPatience } from './connection.js';
import { DeadLetters } from './dead-letters.js';
import { LostTryMarks } from './lost-tries.js';
import {
  deviceLeaseFormat,
  policyFormat,
  progressFormat,
  registrationFormat,
  rewardTaskFormat,
  rolloutTaskFormat,
  type ScoreMessage,
  type SegmentMessage,
  scoreFormat,
  scorerFormat,
  segmentFormat,
  signalFormat,
} from './messages.js';
import type { Outgoing } from './outgoing.js';
import { awaitedStreams, buckets, consumerConfig, eventsPrefix, queues, streamConfigs } from './subjects.js';
import { WorkQueue } from './work-queue.js';

const readyTimeoutMs = 30_000;
const readyPauseMs = 100;

/** Connects to the NATS server; UNAVAILABLE, in words for people, when none answers in time. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  return new JetBus(await openConnection(options), options);
}

class JetBus implements Bus {
  readonly #connection: Connection;
  readonly #rollout: WorkQueue<RolloutTask>;
  readonly #reward: WorkQueue<RewardTask>;
  readonly #segments: WorkQueue<SegmentMessage>;
  readonly #scores: WorkQueue<ScoreMessage>;
  readonly #policies: Bucket<ActivePolicy>;
  readonly #signals: Bucket<IterationSignal>;
  readonly #registry: Bucket<Registration>;
  readonly #scorers: Bucket<ScorerEntry>;
  readonly #devices: Bucket<DeviceLease>;
  readonly #deadLetters: DeadLetters;
  readonly #lostTries: LostTryMarks;
  readonly #closing = new AbortController();
  readonly #replicas: number;
  #guardsSetUp = false;
  /** Part of the names of reward tasks. */
  #sinceLoss = '';

  constructor(connection: Connection, options: BusOptions) {
    this.#connection = connection;
    this.#replicas = options.streamReplicas ?? 1;
    const dead = new DeadLetters(connection);
    this.#deadLetters = dead;
    this.#lostTries = new LostTryMarks(connection);
    this.#rollout = new WorkQueue(connection, queues.rollout, rolloutTaskFormat, dead, options.rolloutLeaseMs);
    this.#reward = new WorkQueue(connection, queues.reward, rewardTaskFormat, dead, options.rewardLeaseMs);
    this.#segments = new WorkQueue(connection, queues.segments, segmentFormat, dead);
    this.#scores = new WorkQueue(connection, queues.scores, scoreFormat, dead);
    this.#policies = new Bucket(connection, buckets.policies, policyFormat);
    this.#signals = new Bucket(connection, buckets.iterations, signalFormat);
    this.#registry = new Bucket(connection, buckets.registry, registrationFormat);
    this.#scorers = new Bucket(connection, buckets.scorers, scorerFormat);
    this.#devices = new Bucket(connection, buckets.devices, deviceLeaseFormat);
  }

  get connected(): boolean {
    return this.#connection.isUp();
  }

  async setUp(): Promise<void> {
    const { nc, jsm } = this.#connection;
    await withPatience(nc, 'making the streams', async () => {
      for (const spec of streamConfigs) {
        const { storage, ...config } = { ...spec, num_replicas: this.#replicas };
        // A stream that is there stays where it lies: the server refuses to move it.
        const isKnown = await this.#isThere(() => jsm.streams.info(config.name));
        await (isKnown ? jsm.streams.update(config.name, config) : jsm.streams.add({ ...config, storage }));
      }
      for (const queue of Object.values(queues)) {
        const known = await this.#isThere(() => jsm.consumers.info(queue.stream, queue.consumer));
        if (!known) await jsm.consumers.add(queue.stream, consumerConfig(queue, queue.leaseMs));
      }
      const all = [this.#policies, this.#signals, this.#registry, this.#scorers, this.#devices];
      for (const bucket of all) await bucket.setUp(this.#replicas);
    });
    if (this.#guardsSetUp) return;
    this.#guardsSetUp = true;
    followAbandoned(this.#connection, this.#deadLetters);
    void this.#guardSetUp();
  }

  /** A server that came back with an empty disk gets its streams again. */
  async #guardSetUp(): Promise<void> {
    for await (const status of this.#connection.nc.status()) {
      if (status.type !== 'reconnect') continue;
      await this.setUp().catch((error: unknown) =>
        this.#connection.log.warn({ error: SegueError.from(error).message }, 'could not look after the streams'),
      );
    }
  }

  async ready(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    const { jsm } = this.#connection;
    const deadlineAtMs = Date.now() + (options.timeoutMs ?? readyTimeoutMs);
    for (const name of awaitedStreams) {
      while (!(await this.#isThere(() => jsm.streams.info(name)))) {
        if (Date.now() > deadlineAtMs) {
          const message = `the stream ${name} is not there: the replay store makes it when it starts`;
          throw new SegueError('UNAVAILABLE', message);
        }
        await pause(readyPauseMs, this.#closing.signal);
      }
    }
  }

  async #isThere(look: () => Promise<unknown>): Promise<boolean> {
    try {
      await look();
      return true;
    } catch (error) {
      const failure = fromNats(error, 'looking for the streams');
      if (failure.code === 'NOT_FOUND') return false;
      throw failure;
    }
  }

  publishRolloutTasks(tasks: readonly RolloutTask[], traces?: TracesById): Promise<void> {
    return this.#rollout.publish(
      tasks.map((task) =>
        outgoing(
          task.runId,
          task.trajectoryId,
          `${task.trajectoryId}-s${task.segmentIndex}-i${task.iteration}-a${task.attempt}`,
          task,
          traces?.get(task.trajectoryId),
        ),
      ),
    );
  }

  takeRolloutTasks(max: number, options: TakeOptions) {
    return this.#rollout.take(max, options);
  }

  purgeRolloutTasks(runId: string): Promise<number> {
    return this.#rollout.purge(requireId(runId, 'runId'));
  }

  emptyRolloutQueue(): Promise<void> {
    return this.#rollout.empty();
  }

  markLostTries(task: RolloutTask, count: number): Promise<void> {
    return this.#lostTries.mark(task, count);
  }

  deliveredTasks(runId: string): Promise<Delivered<RolloutTask>[]> {
    return this.#rollout.delivered(requireId(runId, 'runId'));
  }

  lostTries(runId: string, groupId?: string): Promise<LostTries[]> {
    return this.#lostTries.list(runId, groupId);
  }

  forgetLostTries(runId: string, groupId: string): Promise<void> {
    return this.#lostTries.forget(requireId(runId, 'runId'), requireId(groupId, 'groupId'));
  }

  publishSegment(runId: string, segment: Segment): Promise<void> {
    const id = `${segment.id}-i${segment.iteration}-a${segment.attempt}`;
    return this.#segments.publish([outgoing(runId, segment.trajectoryId, id, { runId, segment })]);
  }

  consumeSegments(options: Untilable = {}) {
    return this.#segments.consume(this.#until(options), async () => void (await this.#segments.removeUnreadable()));
  }

  publishRewardTasks(tasks: readonly RewardTask[], traces?: TracesById): Promise<void> {
    return this.#reward.publish(
      tasks.map((task) => {
        const { runId, trajectoryId, attempt } = task;
        const id = `${trajectoryId}-score-a${attempt}${this.#sinceLoss}`;
        return outgoing(runId, trajectoryId, id, task, traces?.get(trajectoryId));
      }),
    );
  }

  takeRewardTasks(max: number, options: TakeOptions) {
    return this.#reward.take(max, options);
  }

  publishScore(runId: string, score: Score): Promise<void> {
    // Every verdict is a message of its own: the store keeps the first that judges.
    const id = `${score.trajectoryId}-${score.status}-${Date.now()}`;
    return this.#scores.publish([outgoing(runId, score.trajectoryId, id, { runId, score })]);
  }

  consumeScores(options: Untilable = {}) {
    return this.#scores.consume(this.#until(options), () => this.#removeUnreadableVerdicts());
  }

  /** No verdict comes: their stream or the tasks' may be the cause. A stream knows what it was sent lately though it lost it, so tasks are named anew from here on. */
  async #removeUnreadableVerdicts(): Promise<void> {
    const removed = await Promise.all([this.#scores.removeUnreadable(), this.#reward.removeUnreadable()]);
    if (removed.some((messages) => messages > 0)) this.#sinceLoss = `-${Date.now()}`;
  }

  announceProgress(note: ProgressNote): void {
    const { nc } = this.#connection;
    if (!nc.isClosed()) nc.publish(`${eventsPrefix}.${note.runId}`, encodeBody(progressFormat.write(note)));
  }

  async *watchProgress(options: Untilable = {}): AsyncGenerator<ProgressNote, void, void> {
    const signal = this.#until(options);
    const notes = new AsyncQueue<ProgressNote>();
    const subscription = this.#connection.nc.subscribe(`${eventsPrefix}.*`, {
      callback: (error, message) => {
        if (error) return;
        try {
          notes.push(progressFormat.read(decodeBody(message.data, null)));
        } catch {
          // A nudge that cannot be read is a nudge that was lost: harmless.
        }
      },
    });
    const close = () => notes.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    try {
      yield* notes;
    } finally {
      signal.removeEventListener('abort', close);
      subscription.unsubscribe();
    }
  }

  putActivePolicy(policy: ActivePolicy): Promise<void> {
    return this.#policies.put(requireId(policy.runId, 'runId'), policy);
  }

  getActivePolicy(runId: string): Promise<ActivePolicy | null> {
    return this.#policies.get(requireId(runId, 'runId'));
  }

  watchActivePolicies(options: Untilable = {}) {
    return this.#policies.watch(this.#until(options));
  }

  putIterationSignal(signal: IterationSignal): Promise<void> {
    return this.#signals.put(requireId(signal.runId, 'runId'), signal);
  }

  getIterationSignal(runId: string): Promise<IterationSignal | null> {
    return this.#signals.get(requireId(runId, 'runId'));
  }

  watchIterationSignals(options: Untilable = {}) {
    return this.#signals.watch(this.#until(options));
  }

  async signalledRuns(): Promise<string[]> {
    const [policies, signals] = await Promise.all([this.#policies.keys(), this.#signals.keys()]);
    return [...new Set([...policies, ...signals])];
  }

  async forgetSignals(runId: string): Promise<void> {
    requireId(runId, 'runId');
    await Promise.all([this.#policies.forget(runId), this.#signals.forget(runId)]);
  }

  async register(registration: Registration): Promise<void> {
    const key = `${registration.service}.${requireId(registration.id, 'id')}`;
    try {
      await this.#registry.putOnce(key, registration);
    } catch (error) {
      throw fromNats(error, `registering ${key}`);
    }
  }

  async unregister(service: ServiceName, id: string): Promise<void> {
    try {
      await this.#registry.remove(`${service}.${requireId(id, 'id')}`);
    } catch (error) {
      throw fromNats(error, `unregistering ${service}.${id}`);
    }
  }

  async registrations(service?: ServiceName): Promise<Registration[]> {
    const all = await this.#registry.list();
    return service === undefined ? all : all.filter((registration) => registration.service === service);
  }

  putScorer(entry: ScorerEntry): Promise<void> {
    return this.#scorers.put(`${requireId(entry.scorer, 'scorer')}.${requireId(entry.instance, 'instance')}`, entry);
  }

  scorers(): Promise<ScorerEntry[]> {
    return this.#scorers.list();
  }

  watchScorers(options: Untilable = {}) {
    return this.#scorers.watch(this.#until(options));
  }

  async deviceLease(device: string): Promise<KeptLease | null> {
    const seen = await this.#devices.getSeen(requireId(device, 'device'));
    return seen && { lease: seen.value, revision: seen.revision };
  }

  putDeviceLease(lease: DeviceLease, revision: number): Promise<number | null> {
    return this.#devices.putIf(requireId(lease.device, 'device'), lease, revision);
  }

  watchDeviceLeases(options: Untilable = {}) {
    return this.#devices.watch(this.#until(options));
  }

  async queueDepths(): Promise<QueueDepths> {
    await this.#rollout.removeUnreadable();
    const [rollout, reward, segments, scores] = await Promise.all([
      this.#rollout.depth(),
      this.#reward.depth(),
      this.#segments.depth(),
      this.#scores.depth(),
    ]);
    return { rollout, reward, segments, scores };
  }

  deadLetters(max = 100): Promise<DeadLetter[]> {
    return this.#deadLetters.list(max);
  }

  takeDeadLetters(max: number): Promise<HeldLetter[]> {
    return this.#deadLetters.take(max);
  }

  republish(letter: Pick<DeadLetter, 'subject' | 'body' | 'checksum'>): Promise<void> {
    return this.#deadLetters.republish(letter);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const { nc } = this.#connection;
    if (nc.isClosed()) return;
    // Draining waits for a server that may be away; what is buffered then is lost either way.
    const patience = new AbortController();
    await Promise.race([nc.drain().catch(() => {}), pause(2_000, patience.signal)]);
    patience.abort();
    if (!nc.isClosed()) await nc.close();
  }

  #until(options: Untilable): AbortSignal {
    return options.signal ? AbortSignal.any([options.signal, this.#closing.signal]) : this.#closing.signal;
  }
}

function outgoing<T>(runId: string, trajectoryId: string, id: string, value: T, trace?: TraceParent): Outgoing<T> {
  return { runId: requireId(runId, 'runId'), trajectoryId: requireId(trajectoryId, 'trajectoryId'), id, value, trace };
}
