/**
 * Messages that a server keeps and delivers to nobody. A nats-server 2.9 that was killed comes back with some that it had taken out (it writes down late
 * what is gone), while their consumer knows that it delivered them and waits for no acknowledgement: they lie below its place for ever, look as if they
 * waited, and fill the stream. Here they are counted, read and taken out, and told from those that are leased.
 */
import { type JetStreamManager, millis, type StoredMsg } from 'nats';
import { type Connection, fromNats, withPatience } from './connection.js';
import type { HeldMessage } from './delivery.js';
import type { QueueSpec } from './subjects.js';

export interface QueueCounts {
  /** In the stream. */
  readonly messages: number;
  readonly leased: number;
  /** Of the messages, those that are delivered to nobody. */
  readonly forgotten: number;
  /** Only messages up to this sequence are forgotten ones. */
  readonly last: number;
  /** For how long a message is leased, in ms. */
  readonly leaseMs: number;
}

type Durable = Pick<QueueSpec, 'stream' | 'consumer'>;

/** A consumer's place in its stream. */
export interface Place {
  /** Everything up to here is acknowledged. */
  readonly floor: number;
  /** The last message that was delivered. */
  readonly delivered: number;
  readonly leased: number;
}

/**
 * Up to which message everything that is still there is forgotten: what a consumer has delivered and does not wait for. That is certain up to its floor; where
 * nothing is leased, up to the last one that it delivered.
 */
export function forgottenUpTo({ floor, delivered, leased }: Place): number {
  return leased === 0 ? delivered : floor;
}

/** The consumer is read before the stream: what it had acknowledged then is out of the stream now, unless it is forgotten. */
export async function countMessages(jsm: JetStreamManager, { stream, consumer }: Durable): Promise<QueueCounts> {
  const { ack_floor: floor, delivered, num_ack_pending: leased, config } = await jsm.consumers.info(stream, consumer);
  const leaseMs = millis(config.ack_wait ?? 0);
  const last = forgottenUpTo({ floor: floor.stream_seq, delivered: delivered.stream_seq, leased });
  const { state } = await jsm.streams.info(stream);
  if (state.messages === 0 || state.first_seq > last) {
    return { messages: state.messages, leased, forgotten: 0, last, leaseMs };
  }
  const { state: detailed } = await jsm.streams.info(stream, { deleted_details: true });
  const { messages, first_seq: first, last_seq: newest } = detailed;
  const end = Math.min(last, newest);
  const gone = (detailed.deleted ?? []).filter((sequence) => sequence >= first && sequence <= end).length;
  return { messages, leased, forgotten: Math.min(messages, Math.max(0, end + 1 - first - gone)), last, leaseMs };
}

/** Of the messages that were delivered and are still there, but for those that are certain to be forgotten. */
export async function deliveredSequences(jsm: JetStreamManager, { stream, consumer }: Durable): Promise<number[]> {
  const { ack_floor: floor, delivered, num_ack_pending: leased } = await jsm.consumers.info(stream, consumer);
  if (leased === 0) return [];
  const { state } = await jsm.streams.info(stream, { deleted_details: true });
  const gone = new Set(state.deleted);
  const first = Math.max(state.first_seq, floor.stream_seq + 1);
  const last = Math.min(state.last_seq, delivered.stream_seq);
  return Array.from({ length: Math.max(0, last + 1 - first) }, (_, i) => first + i).filter((seq) => !gone.has(seq));
}

/** Forgotten messages of a queue, oldest first. An ack takes one out; one that is given back is found again at the next look. */
export async function readForgotten(
  { nc, jsm }: Pick<Connection, 'nc' | 'jsm'>,
  queue: Durable & Pick<QueueSpec, 'prefix'>,
): Promise<HeldMessage[]> {
  const { forgotten, last } = await countMessages(jsm, queue);
  const found: HeldMessage[] = [];
  for (let sequence = 1; found.length < forgotten; sequence++) {
    const message = await nextMessage(jsm, queue.stream, { seq: sequence, next_by_subj: `${queue.prefix}.>` });
    // Somebody else may have taken some out since they were counted: what lies beyond waits or is leased.
    if (message === null || message.seq > last) break;
    sequence = message.seq;
    const takeOut = async () => {
      await withPatience(nc, `taking ${message.seq} out of ${queue.stream}`, () =>
        jsm.streams.deleteMessage(queue.stream, message.seq, false),
      ).catch((error: unknown) => {
        // Somebody else has done it.
        if (fromNats(error, '').code !== 'NOT_FOUND') throw error;
      });
    };
    found.push({
      message,
      deliveryCount: 1,
      sequence: message.seq,
      header: (name) => message.header.get(name),
      extend: () => {},
      giveBack: () => {},
      ack: takeOut,
      terminate: takeOut,
    });
  }
  return found;
}

/** A message by its number, or the first of a subject from there on; null when there is none. */
export async function nextMessage(
  jsm: JetStreamManager,
  stream: string,
  query: { readonly seq: number; readonly next_by_subj?: string },
): Promise<StoredMsg | null> {
  try {
    return await jsm.streams.getMessage(stream, query);
  } catch (error) {
    const failure = fromNats(error, `reading ${stream}`);
    if (failure.code === 'NOT_FOUND') return null;
    throw failure;
  }
}
