/**
 * Messages that a server keeps and delivers to nobody. A nats-server 2.9 that was killed comes back with some that it had taken out (it writes down late
 * what is gone), while their consumer knows that they were acknowledged: they lie at or below its acknowledgement floor for ever, look as if they
 * waited, and fill the stream. Here they are counted, read and taken out.
 */
import type { JetStreamManager, StoredMsg } from 'nats';
import { type Connection, fromNats, withPatience } from './connection.js';
import type { HeldMessage } from './delivery.js';
import type { QueueSpec } from './subjects.js';

export interface QueueCounts {
  /** In the stream. */
  readonly messages: number;
  readonly leased: number;
  /** Of the messages, those that are delivered to nobody. */
  readonly forgotten: number;
}

/** The floor is read before the stream: what was acknowledged then is out of the stream now, unless it is forgotten. */
export async function countMessages(jsm: JetStreamManager, { stream, consumer }: QueueSpec): Promise<QueueCounts> {
  const { ack_floor: floor, num_ack_pending: leased } = await jsm.consumers.info(stream, consumer);
  const { state } = await jsm.streams.info(stream);
  const { messages, first_seq: first } = state;
  if (messages === 0 || first > floor.stream_seq) return { messages, leased, forgotten: 0 };
  const { state: detailed } = await jsm.streams.info(stream, { deleted_details: true });
  const isBelow = (sequence: number) => sequence >= detailed.first_seq && sequence <= floor.stream_seq;
  const gone = (detailed.deleted ?? []).filter(isBelow).length;
  const forgotten = Math.max(0, floor.stream_seq + 1 - detailed.first_seq - gone);
  return { messages: detailed.messages, leased, forgotten: Math.min(detailed.messages, forgotten) };
}

/** Forgotten messages of a queue, oldest first. An ack takes one out; one that is given back is found again at the next look. */
export async function readForgotten({ nc, jsm }: Connection, queue: QueueSpec): Promise<HeldMessage[]> {
  const { forgotten } = await countMessages(jsm, queue);
  const found: HeldMessage[] = [];
  for (let sequence = 1; found.length < forgotten; sequence++) {
    const message = await nextMessage(jsm, queue.stream, { seq: sequence, next_by_subj: `${queue.prefix}.>` });
    if (message === null) break;
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

/** The first message of a subject from a sequence number on; null when there is none. */
export async function nextMessage(
  jsm: JetStreamManager,
  stream: string,
  query: { readonly seq: number; readonly next_by_subj: string },
): Promise<StoredMsg | null> {
  try {
    return await jsm.streams.getMessage(stream, query);
  } catch (error) {
    const failure = fromNats(error, `reading ${stream}`);
    if (failure.code === 'NOT_FOUND') return null;
    throw failure;
  }
}
