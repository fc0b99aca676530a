/**
 * The fixed set of streams and buckets, in one table: where each kind of message goes and how long it stays. The run id is
 * inside the subjects, so that permissions are written per stream.
 */
import { AckPolicy, DiscardPolicy, nanos, RetentionPolicy, StorageType, type StreamConfig } from 'nats';

/** Header of the checksum of a message's body. */
export const checksumHeader = 'Segue-Checksum';

const mebibyte = 1024 * 1024;
const hour = 3_600_000;

/** How long an operation is tried again while the server is away, in ms. */
export const patienceMs = 30_000;
/** How long a stream knows the id of a message unless told otherwise, in ms: some 300 bytes of the server's memory each. */
const longWindowMs = 120_000;
/** For scorers' tasks: longer than they are tried, and than the store's first pause until it asks again. */
const shortWindowMs = 45_000;
/**
 * For tasks whose every issue has an id of its own, and for verdicts: of what is there twice, because the server was away for longer between two tries of its publisher, the
 * store takes the first alone.
 */
const briefWindowMs = 15_000;

/** A work queue: each message goes to one taker and stays until that one has acknowledged it. */
export interface QueueSpec {
  readonly stream: string;
  /** Subjects are `<prefix>.<run>.<trajectory>`; of a message that holds several values, the first one's trajectory. */
  readonly prefix: string;
  /** The one durable consumer that all takers share. */
  readonly consumer: string;
  /** Publishing waits (and then fails) while the stream holds as much. */
  readonly maxBytes: number;
  /** For how long the stream knows a repetition by its id, in ms. */
  readonly duplicateWindowMs: number;
  /** Lease of a message unless configured, in ms: three to four times the interval at which it is extended. */
  readonly leaseMs: number;
  /** A message that comes this often without an ack is put among the dead letters; null: never. */
  readonly maxDeliveries: number | null;
  /** What is published at about the same time travels in one message. Not for work that its taker may die of: it would take others along. */
  readonly gathers: boolean;
  /** Its messages are made again from the store when somebody still waits for what they ask. */
  readonly isDerived: boolean;
}

export const queues = {
  rollout: {
    stream: 'SEGUE_ROLLOUT',
    prefix: 'segue.rollout',
    consumer: 'actors',
    maxBytes: 64 * mebibyte,
    duplicateWindowMs: briefWindowMs,
    leaseMs: 10_000,
    maxDeliveries: 50,
    gathers: false,
    isDerived: true,
  },
  reward: {
    stream: 'SEGUE_REWARD',
    prefix: 'segue.reward',
    consumer: 'scorers',
    maxBytes: 64 * mebibyte,
    // Longer than the store's first pause: while scorers are behind it asks for all that waits once more, and that is to change nothing.
    duplicateWindowMs: shortWindowMs,
    leaseMs: 15_000,
    maxDeliveries: 20,
    gathers: false,
    isDerived: true,
  },
  segments: {
    stream: 'SEGUE_SEGMENTS',
    prefix: 'segue.segment',
    consumer: 'replay',
    maxBytes: 512 * mebibyte,
    // Who made one keeps it for minutes when it cannot be published, and its parts are to be there once.
    duplicateWindowMs: longWindowMs,
    // Committing takes milliseconds; what a killed store held comes again this soon.
    leaseMs: 5_000,
    maxDeliveries: null,
    gathers: true,
    isDerived: false,
  },
  scores: {
    stream: 'SEGUE_SCORES',
    prefix: 'segue.score',
    consumer: 'replay',
    maxBytes: 64 * mebibyte,
    duplicateWindowMs: briefWindowMs,
    leaseMs: 5_000,
    maxDeliveries: null,
    gathers: true,
    isDerived: false,
  },
} as const satisfies Record<string, QueueSpec>;

/** Nudges, by run. */
export const eventsPrefix = 'segue.events';
export const eventsStream = 'SEGUE_EVENTS';
/** Messages that nobody could use, by the stream that they came from. */
export const deadPrefix = 'segue.dead';
export const deadStream = 'SEGUE_DEAD';

/** Where the server tells of messages that it gave up. */
export const abandonedAdvisories = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.*.*';

/**
 * Notes on deliveries, by the queue's stream, the message's number in it, and the number of the delivery (returns.ts); and, under `lost`, marks of
 * tries that were lost with their actors (lost-tries.ts).
 */
export const returnsPrefix = 'segue.returned';
export const returnsStream = 'SEGUE_RETURNS';

/**
 * Streams that only keep: short, the oldest make room. Nudges are heard as they are said, and kept two minutes for people who look; in memory, as no one misses them
 * when the server starts anew.
 */
const logs: readonly Partial<StreamConfig>[] = [
  {
    name: eventsStream,
    subjects: [`${eventsPrefix}.*`],
    max_age: nanos(hour / 30),
    max_bytes: 16 * mebibyte,
    storage: StorageType.Memory,
  },
  { name: returnsStream, subjects: [`${returnsPrefix}.>`], max_age: nanos(24 * hour), max_bytes: 16 * mebibyte },
  { name: deadStream, subjects: [`${deadPrefix}.*`], max_age: nanos(7 * 24 * hour), max_bytes: 64 * mebibyte },
];

/** Every stream with its settings. */
export const streamConfigs: readonly (Partial<StreamConfig> & Pick<StreamConfig, 'name' | 'storage'>)[] = [
  ...Object.values(queues).map((queue) => ({
    name: queue.stream,
    subjects: [`${queue.prefix}.*.*`],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    max_bytes: queue.maxBytes,
    duplicate_window: nanos(queue.duplicateWindowMs),
  })),
  ...logs.map((log) => ({
    storage: StorageType.File,
    ...log,
    name: String(log.name),
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
  })),
];

export function consumerConfig(queue: QueueSpec, leaseMs: number) {
  return {
    durable_name: queue.consumer,
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(leaseMs),
    // How much may be leased at once is the takers' own limit.
    max_ack_pending: -1,
  };
}

/** Buckets of the small shared state. The registry forgets services that are gone, and scorers of one's own a day later. */
export const buckets = {
  policies: { name: 'segue_policies', ttlMs: 0 },
  iterations: { name: 'segue_iterations', ttlMs: 0 },
  registry: { name: 'segue_registry', ttlMs: 10_000 },
  scorers: { name: 'segue_scorers', ttlMs: 24 * hour },
  devices: { name: 'segue_devices', ttlMs: 0 },
} as const;

/** What a service needs before it begins. What lies in memory is gone with each start of the server, and nobody waits for it. */
export const awaitedStreams: readonly string[] = [
  ...streamConfigs.filter(({ storage }) => storage === StorageType.File).map(({ name }) => name),
  ...Object.values(buckets).map(({ name }) => `KV_${name}`),
];

export interface BucketSpec {
  readonly name: string;
  /** How long what is not written again stays, in ms; 0: for ever. */
  readonly ttlMs: number;
}
