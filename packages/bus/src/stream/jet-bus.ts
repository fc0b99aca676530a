/**
 * The work bus over NATS JetStream: the queues, buckets and nudges of one process behind one connection. The buckets are shared-state.ts, how all of it is made
 * and kept in being is upkeep.ts.
 */
import { type RewardTask, type RolloutTask, requireId, type Score, type Segment } from '@segue/core';
import { pause } from '../abort.js';
import type { TraceParent } from '../tracing.js';
import { followAbandoned } from './abandoned.js';
import type {
  Bus,
  BusOptions,
  DeadLetter,
  Delivered,
  HeldLetter,
  LostTries,
  ProgressNote,
  QueueDepths,
  TakeOptions,
  TracesById,
  Untilable,
} from './bus.js';
import { type Connection, openConnection } from './connection.js';
import { DeadLetters } from './dead-letters.js';
import { LostTryMarks } from './lost-tries.js';
import {
  rewardTaskFormat,
  rolloutTaskFormat,
  type ScoreMessage,
  type SegmentMessage,
  scoreFormat,
  segmentFormat,
} from './messages.js';
import { announceProgress, watchProgress } from './nudges.js';
import type { Outgoing } from './outgoing.js';
import { SharedState } from './shared-state.js';
import { queues } from './subjects.js';
import { Upkeep } from './upkeep.js';
import { WorkQueue } from './work-queue.js';

/** Connects to the NATS server; UNAVAILABLE, in words for people, when none answers in time. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  return new JetBus(await openConnection(options), options);
}

class JetBus extends SharedState implements Bus {
  readonly #connection: Connection;
  readonly #closing: AbortController;
  readonly #upkeep: Upkeep;
  readonly #rollout: WorkQueue<RolloutTask>;
  readonly #reward: WorkQueue<RewardTask>;
  readonly #segments: WorkQueue<SegmentMessage>;
  readonly #scores: WorkQueue<ScoreMessage>;
  readonly #deadLetters: DeadLetters;
  readonly #lostTries: LostTryMarks;
  #guardsSetUp = false;
  /** Part of the names of reward tasks. */
  #sinceLoss = '';

  constructor(connection: Connection, options: BusOptions) {
    const closing = new AbortController();
    super(connection, closing.signal);
    this.#connection = connection;
    this.#closing = closing;
    this.#upkeep = new Upkeep(connection, {
      replicas: options.streamReplicas ?? 1,
      buckets: this.buckets,
      closed: closing.signal,
    });
    const dead = new DeadLetters(connection);
    this.#deadLetters = dead;
    this.#lostTries = new LostTryMarks(connection);
    this.#rollout = new WorkQueue(connection, queues.rollout, rolloutTaskFormat, dead, options.rolloutLeaseMs);
    this.#reward = new WorkQueue(connection, queues.reward, rewardTaskFormat, dead, options.rewardLeaseMs);
    this.#segments = new WorkQueue(connection, queues.segments, segmentFormat, dead);
    this.#scores = new WorkQueue(connection, queues.scores, scoreFormat, dead);
  }

  get connected(): boolean {
    return this.#connection.isUp();
  }

  async setUp(): Promise<void> {
    await this.#upkeep.setUp();
    if (this.#guardsSetUp) return;
    this.#guardsSetUp = true;
    followAbandoned(this.#connection, this.#deadLetters);
    void this.#upkeep.guard();
  }

  ready(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    return this.#upkeep.ready(options.timeoutMs);
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
    return this.#segments.consume(this.until(options), async () => void (await this.#segments.removeUnreadable()));
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
    return this.#scores.consume(this.until(options), () => this.#removeUnreadableVerdicts());
  }

  /** No verdict comes: their stream or the tasks' may be the cause. A stream knows what it was sent lately though it lost it, so tasks are named anew from here on. */
  async #removeUnreadableVerdicts(): Promise<void> {
    const removed = await Promise.all([this.#scores.removeUnreadable(), this.#reward.removeUnreadable()]);
    if (removed.some((messages) => messages > 0)) this.#sinceLoss = `-${Date.now()}`;
  }

  announceProgress(note: ProgressNote): void {
    announceProgress(this.#connection, note);
  }

  watchProgress(options: Untilable = {}) {
    return watchProgress(this.#connection, this.until(options));
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
}

function outgoing<T>(runId: string, trajectoryId: string, id: string, value: T, trace?: TraceParent): Outgoing<T> {
  return { runId: requireId(runId, 'runId'), trajectoryId: requireId(trajectoryId, 'trajectoryId'), id, value, trace };
}
