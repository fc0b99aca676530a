/**
 * What each service may say and hear on the message server, an allow-list per user: tasks come from the controller alone, streams are made
 * by the store alone, nobody reads another's inbox. Derived from the table of streams; how it is written down is nats-config.ts.
 */
import type { ServiceName } from '@segue/core';
import {
  abandonedAdvisories,
  buckets,
  deadPrefix,
  deadStream,
  eventsPrefix,
  type QueueSpec,
  queues,
  returnsPrefix,
  returnsStream,
} from './subjects.js';

export interface Permissions {
  /** Subjects that it may publish to. */
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

const api = '$JS.API';

/** Answers to a user's requests come to subjects of its own. */
export function inboxPrefix(service: ServiceName): string {
  return `_INBOX_${service}`;
}

const keysOf = (bucket: { readonly name: string }) => `$KV.${bucket.name}.>`;
const publishing = (queue: QueueSpec): readonly string[] => [`${queue.prefix}.*.*`];

/** Taking messages, giving them back, putting bad ones among the dead letters. */
function taking({ stream, consumer }: QueueSpec): readonly string[] {
  return [
    `${api}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    `${api}.CONSUMER.INFO.${stream}.${consumer}`,
    `$JS.ACK.${stream}.${consumer}.>`,
    // Newer servers put domain and account before the stream.
    `$JS.ACK.*.*.${stream}.${consumer}.>`,
    `${returnsPrefix}.${stream}.>`,
    `${deadPrefix}.${stream}`,
  ];
}

/** What every service does: look whether the streams are there, read the shared state, keep its own entry in the registry. */
function common(service: ServiceName): Permissions {
  return {
    publish: [
      `${api}.INFO`,
      `${api}.STREAM.INFO.*`,
      ...Object.values(buckets).map(({ name }) => `${api}.STREAM.MSG.GET.KV_${name}`),
      `$KV.${buckets.registry.name}.${service}.*`,
    ],
    subscribe: [`${inboxPrefix(service)}.>`, keysOf(buckets.policies), keysOf(buckets.iterations)],
  };
}

/** Reading messages by number, and taking out those that a queue delivers to nobody. */
function tidying({ stream }: QueueSpec): readonly string[] {
  return [`${api}.STREAM.MSG.GET.${stream}`, `${api}.STREAM.MSG.DELETE.${stream}`];
}

const own: Readonly<Record<ServiceName, Permissions>> = {
  controller: {
    publish: [
      ...publishing(queues.rollout),
      // A dead letter that is requeued goes where it came from.
      ...[queues.reward, queues.segments, queues.scores].flatMap(publishing),
      // Which tries were lost with their actors, and what is forgotten of them.
      `${returnsPrefix}.>`,
      `${api}.STREAM.PURGE.${returnsStream}`,
      // What nobody can take any more.
      `${api}.STREAM.PURGE.${queues.rollout.stream}`,
      // What was not begun when an iteration closes, and tasks that are derived again.
      ...tidying(queues.rollout),
      ...tidying(queues.reward),
      `${api}.CONSUMER.INFO.*.*`,
      keysOf(buckets.policies),
      keysOf(buckets.iterations),
    ],
    subscribe: [`${eventsPrefix}.*`],
  },
  actor: {
    // Tries that were lost before are counted over iterations.
    publish: [
      ...taking(queues.rollout),
      ...publishing(queues.segments),
      `${returnsPrefix}.lost.>`,
      keysOf(buckets.devices),
    ],
    subscribe: [keysOf(buckets.devices)],
  },
  reward: {
    publish: [...taking(queues.reward), ...publishing(queues.scores), keysOf(buckets.scorers)],
    subscribe: [keysOf(buckets.scorers)],
  },
  replay: {
    publish: [
      ...taking(queues.segments),
      ...taking(queues.scores),
      // What the server gave up on, in any queue, and dead letters, which the store takes in.
      ...Object.values(queues).flatMap(tidying),
      // What the server cannot read any more in the queues that it takes from or fills.
      ...[queues.segments, queues.scores, queues.reward].map(({ stream }) => `${api}.STREAM.PURGE.${stream}`),
      `${deadPrefix}.*`,
      `${api}.STREAM.MSG.GET.${deadStream}`,
      `${api}.STREAM.MSG.DELETE.${deadStream}`,
      ...publishing(queues.reward),
      `${eventsPrefix}.*`,
      // What is kept of runs whose records are gone.
      ...[buckets.policies, buckets.iterations].map(({ name }) => `${api}.STREAM.PURGE.KV_${name}`),
      `${api}.STREAM.CREATE.*`,
      `${api}.STREAM.UPDATE.*`,
      `${api}.CONSUMER.INFO.*.*`,
      `${api}.CONSUMER.CREATE.>`,
      `${api}.CONSUMER.DURABLE.CREATE.>`,
    ],
    subscribe: [abandonedAdvisories],
  },
  // Training and rollout take turns on a device.
  trainer: { publish: [keysOf(buckets.devices)], subscribe: [keysOf(buckets.devices)] },
};

export function permissionsOf(service: ServiceName): Permissions {
  const shared = common(service);
  const { publish, subscribe } = own[service];
  return { publish: [...shared.publish, ...publish], subscribe: [...shared.subscribe, ...subscribe] };
}
