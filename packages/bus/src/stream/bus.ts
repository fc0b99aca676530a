/**
 * The work bus as its users see it: work queues, results, and the small shared state of the cluster.
 * One object per process. Every value is core's; how it travels is codec.ts, where it travels is subjects.ts.
 */
import type { DeviceLease, EngineTimes, RewardTask, RolloutTask, Score, Segment, ServiceName } from '@segue/core';
import type { TlsMaterial } from '../access/tls.js';
import type { TraceParent } from '../tracing.js';

/** One message in hand. It comes again, to anybody, unless it is acknowledged, extended or discarded within `leaseMs`. */
export interface Lease<T> {
  readonly value: T;
  /** What it belongs to; null or left out when nobody traces it. */
  readonly trace?: TraceParent | null;
  /** 1 at the first delivery. */
  readonly deliveryCount: number;
  /** Deliveries before this one that ended neither acknowledged nor given back: their takers died or were too slow. What waited (`hold`) is not counted. */
  lostDeliveries(): Promise<number>;
  /** Work on it has not begun: that its taker dies says nothing against it, until `begin`. For messages that were lost before. */
  hold(): void;
  /** Work on it begins; resolves when the server knows. */
  begin(): Promise<void>;
  /** How long it is ours without `extend`, in ms. */
  readonly leaseMs: number;
  /** Begins the lease anew. Call it at a third of `leaseMs`, and only while the work goes on. */
  extend(): void;
  /** The work is done: the message is gone when this resolves; one that holds several values, when the last of them is done. */
  ack(): Promise<void>;
  /** Not done: it comes again after `delayMs` (default: at once). */
  giveBack(delayMs?: number): void;
  /** Not done, and what tried it broke: it comes again at once, and is counted as lost. */
  lose(): void;
  /** It has come to us again while we work on it: this delivery is not counted as lost. */
  excuse(): void;
  /** It can never be done: it goes to the dead letters with the reason, and never comes again. */
  discard(reason: string): Promise<void>;
}

/** What became of a message's deliveries, as far as anything was said of them. */
export interface Deliveries {
  readonly deliveryCount: number;
  /** Of those before the newest: neither acknowledged nor given back. */
  readonly lostBefore: number;
  /** Whether the newest one is lost if its taker is gone: it was not given back, and does not only wait (`hold`). */
  readonly isNewestLost: boolean;
}

/** A message that was delivered and not acknowledged. */
export interface Delivered<T> extends Deliveries {
  readonly value: T;
}

/** Which policy version a run's actors serve. */
export interface ActivePolicy {
  readonly runId: string;
  readonly version: number;
  readonly manifestSha256: string;
  /** Folder of the version in the trainer's policy store, for processes that share its disk. */
  readonly folder: string;
  /** gRPC address for those that do not. */
  readonly trainerAddress: string;
}

/** From the controller to the actors: open = take tasks of this iteration; not open = cut what runs, flush, report. */
export interface IterationSignal {
  readonly runId: string;
  readonly iteration: number;
  readonly policyVersion: number;
  readonly open: boolean;
}

/** What a service says about itself about once a second. */
export interface Registration {
  readonly id: string;
  readonly service: ServiceName;
  /** gRPC address as peers reach it. */
  readonly address: string;
  readonly metricsAddress: string;
  /** Served policy version; null when it serves none. */
  readonly policyVersion: number | null;
  readonly slots: number;
  readonly running: number;
  /** Newest iteration of which nothing is left unpublished; null before the first. */
  readonly flushedIteration: number | null;
  readonly runId: string;
  /** Unix time, in ms. */
  readonly seenAtMs: number;
  /** Segments published per `<run>/<iteration>`, the newest few. */
  readonly published: Readonly<Record<string, number>>;
  /** Busy slot time in ms per `<run>/<iteration>`, the newest few; actors alone. */
  readonly busySlotMs?: Readonly<Record<string, number>> | undefined;
  /** Where the engine spent the newest few iterations, by `<run>/<iteration>`; actors alone. */
  readonly engineTimes?: Readonly<Record<string, EngineTimes>> | undefined;
  /** Evaluations under way per `<run>/<version>`: the trainer keeps these versions. */
  readonly pinned?: Readonly<Record<string, number>> | undefined;
  /** What is wrong with it that a person should know; left out or empty: nothing. */
  readonly trouble?: string | undefined;
  /** Device that its engine takes turns on with others; left out where it has one to itself. */
  readonly device?: string | undefined;
  /** HTTP address of the agent that owns the engine's process; left out where there is none. Reached from its own host alone. */
  readonly agentAddress?: string | undefined;
  /** Unix time in ms of the first token per `<run>/<iteration>`, the newest few; actors alone. */
  readonly firstTokenAtMs?: Readonly<Record<string, number>> | undefined;
}

/** A scorer that a server of somebody's own serves. */
export interface ScorerEntry {
  readonly scorer: string;
  /** Name of the server. */
  readonly instance: string;
  /** host:port of its segue.v1.RewardScorer. */
  readonly address: string;
  readonly description: string;
  /** JSON schema of the metadata that it reads; empty when none. */
  readonly metadataSchemaJson: string;
  /** False: it has left. */
  readonly serves: boolean;
}

/** A nudge from the store to the controller: something was committed. Loss is harmless. */
export interface ProgressNote {
  readonly runId: string;
  readonly iteration: number;
  readonly kind: 'segment' | 'score' | 'group';
}

/** Messages that wait and messages that are leased. */
export interface QueueDepth {
  readonly pending: number;
  readonly leased: number;
  /** For how long a taker has one without a word, in ms. */
  readonly leaseMs: number;
}

export interface QueueDepths {
  readonly rollout: QueueDepth;
  readonly reward: QueueDepth;
  readonly segments: QueueDepth;
  readonly scores: QueueDepth;
}

/** A message that nobody could use. */
export interface DeadLetter {
  /** Where it came from. */
  readonly subject: string;
  readonly reason: string;
  /** Unix time, in ms. */
  readonly atMs: number;
  /** As far as it fits one message. */
  readonly body: Uint8Array;
  /** Length of the whole body. */
  readonly bodyBytes: number;
  /** That came with it; empty when none did. */
  readonly checksum: string;
}

/** A dead letter in hand: it stays on the bus until it is removed. */
export interface HeldLetter {
  readonly letter: DeadLetter;
  remove(): Promise<void>;
}

/** Tries of a trajectory's segment that were lost with their actors. */
export interface LostTries {
  readonly trajectoryId: string;
  readonly segmentIndex: number;
  readonly tries: number;
}

/** A device's lease as it is kept. */
export interface KeptLease {
  readonly lease: DeviceLease;
  readonly revision: number;
}

export interface Untilable {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
}

export interface TakeOptions extends Untilable {
  /** How long to wait when nothing is there, in ms. */
  readonly waitMs: number;
}

/** What messages belong to, by their trajectory's id; those that are traced alone. */
export type TracesById = ReadonlyMap<string, TraceParent>;

export interface Bus {
  /** Makes streams, consumers and buckets where they are missing. Idempotent; the store calls it at start, and it alone may. */
  setUp(): Promise<void>;
  /** Resolves when they are there; UNAVAILABLE after `timeoutMs` (default 30 s). */
  ready(options?: { readonly timeoutMs?: number | undefined }): Promise<void>;

  /** In order, siblings adjacent; resolves when all are kept. Publishing the same attempt again within three quarters of a minute changes nothing. */
  publishRolloutTasks(tasks: readonly RolloutTask[], traces?: TracesById): Promise<void>;
  /** Up to `max` tasks: what is there at once, else the first that comes within `waitMs`, else none. */
  takeRolloutTasks(max: number, options: TakeOptions): Promise<Lease<RolloutTask>[]>;
  /** Removes a run's tasks that nobody holds and those that somebody holds, whose ack then has no effect. Answers how many. */
  purgeRolloutTasks(runId: string): Promise<number>;
  /** Takes out everything, of all runs, also what the server can neither give nor find by its run: bits of its disk have changed. Each run issues its tasks again. */
  emptyRolloutQueue(): Promise<void>;

  /** So many deliveries of this task were lost with their takers: remembered after the task is gone. Repeating it changes nothing. */
  markLostTries(task: RolloutTask, count: number): Promise<void>;
  /** Tasks of a run that were delivered and not acknowledged, of which a delivery was lost, or is if its taker is gone. */
  deliveredTasks(runId: string): Promise<Delivered<RolloutTask>[]>;
  /** Lost tries of a run's trajectories, or of one group's. */
  lostTries(runId: string, groupId?: string): Promise<LostTries[]>;
  forgetLostTries(runId: string, groupId: string): Promise<void>;

  /** Resolves when the stream has it. */
  publishSegment(runId: string, segment: Segment): Promise<void>;
  consumeSegments(options?: Untilable): AsyncIterable<Lease<{ readonly runId: string; readonly segment: Segment }>>;

  publishRewardTasks(tasks: readonly RewardTask[], traces?: TracesById): Promise<void>;
  takeRewardTasks(max: number, options: TakeOptions): Promise<Lease<RewardTask>[]>;
  publishScore(runId: string, score: Score): Promise<void>;
  consumeScores(options?: Untilable): AsyncIterable<Lease<{ readonly runId: string; readonly score: Score }>>;

  announceProgress(note: ProgressNote): void;
  watchProgress(options?: Untilable): AsyncIterable<ProgressNote>;

  putActivePolicy(policy: ActivePolicy): Promise<void>;
  /** null when there is none; here as in all shared state, a server that has just lost the whole bucket is waited for, and then UNAVAILABLE. */
  getActivePolicy(runId: string): Promise<ActivePolicy | null>;
  /** Begins with what is there, then every change. A value that is overtaken before it is read may be left out. */
  watchActivePolicies(options?: Untilable): AsyncIterable<ActivePolicy>;
  putIterationSignal(signal: IterationSignal): Promise<void>;
  getIterationSignal(runId: string): Promise<IterationSignal | null>;
  watchIterationSignals(options?: Untilable): AsyncIterable<IterationSignal>;

  /** Runs of which an active policy or an iteration's signal is kept. */
  signalledRuns(): Promise<string[]>;
  /** Keeps neither of a run any more. Only the store may, which knows that its records are gone. */
  forgetSignals(runId: string): Promise<void>;

  /**
   * Gives what is half full of the shared state more room: it begins with little, and a write that finds none is refused (RESOURCE_EXHAUSTED), or waits.
   * Only the store may, again and again.
   */
  makeRoom(): Promise<void>;

  /** Heartbeat: the entry goes when it is not repeated for ten seconds. */
  register(registration: Registration): Promise<void>;
  /** Leaves the registry at once. */
  unregister(service: ServiceName, id: string): Promise<void>;
  registrations(service?: ServiceName): Promise<Registration[]>;

  /** Says that a server serves a scorer, or has left; one entry per scorer and server, forgotten a day after it was last repeated. */
  putScorer(entry: ScorerEntry): Promise<void>;
  /** What is there now. */
  scorers(): Promise<ScorerEntry[]>;
  /** Begins with what is there, then every change and repetition. */
  watchScorers(options?: Untilable): AsyncIterable<ScorerEntry>;
  /** Whose turn it is on a device, with the revision for `putDeviceLease`; null before its first use. */
  deviceLease(device: string): Promise<KeptLease | null>;
  /** Writes when nobody else has since `revision` (0: when there was none). Answers the new revision; null when somebody else was first. One try. */
  putDeviceLease(lease: DeviceLease, revision: number): Promise<number | null>;
  watchDeviceLeases(options?: Untilable): AsyncIterable<DeviceLease>;

  queueDepths(): Promise<QueueDepths>;
  /** The newest dead letters that the store has not taken in, oldest first, at most `max` (default 100). */
  deadLetters(max?: number): Promise<DeadLetter[]>;
  /** The oldest of them, to be kept elsewhere and removed. */
  takeDeadLetters(max: number): Promise<HeldLetter[]>;
  /** Publishes a message's body again, under its subject and the checksum that came with it. INVALID_INPUT for a subject of no queue. */
  republish(letter: Pick<DeadLetter, 'subject' | 'body' | 'checksum'>): Promise<void>;
  /** Whether there is a connection at this moment. */
  readonly connected: boolean;
  /** Sends what is buffered, ends every iteration, and disconnects. */
  close(): Promise<void>;
}

/** Where a bus writes what it notices. */
export interface BusLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface BusOptions {
  readonly url: string;
  /** Name of this process, shown by the server. */
  readonly name: string;
  /** Whose inbox and permissions it uses; left out: none of its own, for a server that asks nobody who they are. */
  readonly service?: ServiceName | undefined;
  /** Text of the nkey seed that the server knows the service by. */
  readonly seed?: string | undefined;
  /** The connection is made over TLS or not at all. */
  readonly tls?: TlsMaterial | undefined;
  readonly log?: BusLog | undefined;
  /** Told when the connection is lost, and when it is there again. */
  readonly onConnection?: ((isUp: boolean) => void) | undefined;
  /** How long to wait for a server at the start, in ms; default 10 s. */
  readonly connectTimeoutMs?: number | undefined;
  /** Lease of a rollout task, in ms; default 10 s. */
  readonly rolloutLeaseMs?: number | undefined;
  /** Lease of a reward task, in ms; default 15 s. */
  readonly rewardLeaseMs?: number | undefined;
  /** Servers that hold a copy of each stream and bucket, of as many as the server's cluster has; default 1. Of the one that makes them. */
  readonly streamReplicas?: number | undefined;
}
