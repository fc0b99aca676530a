/**
 * Messages that the server itself gives up, because somebody gave a consumer a `max_deliver` (Segue's own have none): it tells once and keeps them in
 * the queue, where nobody gets them any more. They become dead letters and leave the queue.
 */
import { SegueError } from '@segue/core';
import type { StoredMsg } from 'nats';
import { type Connection, fromNats, withPatience } from './connection.js';
import type { DeadLetters } from './dead-letters.js';
import { abandonedAdvisories, checksumHeader, queues } from './subjects.js';

const streams: ReadonlySet<string> = new Set(Object.values(queues).map(({ stream }) => stream));

/** What the server tells. */
interface Advisory {
  readonly stream: string;
  readonly consumer: string;
  readonly stream_seq: number;
  readonly deliveries: number;
}

/** Until the connection closes. Several processes may follow: a message is one letter all the same. */
export function followAbandoned(connection: Connection, deadLetters: DeadLetters): void {
  const { nc, log } = connection;
  nc.subscribe(abandonedAdvisories, {
    callback: (error, message) => {
      if (error) {
        log.warn({ error: error.message }, 'messages that the server gives up cannot be followed');
        return;
      }
      const advisory = message.json<Advisory>();
      if (!streams.has(advisory.stream)) return;
      takeOut(connection, deadLetters, advisory).catch((cause: unknown) =>
        log.warn(
          { ...advisory, error: SegueError.from(cause).message },
          'a message that nobody gets stays in its queue',
        ),
      );
    },
  });
}

async function takeOut(
  { nc, jsm }: Connection,
  deadLetters: DeadLetters,
  { stream, consumer, stream_seq: seq, deliveries }: Advisory,
): Promise<void> {
  const message = await orGone(withPatience(nc, `reading ${stream}`, () => jsm.streams.getMessage(stream, { seq })));
  if (message === null) return;
  const { subject, data: body, header } = message;
  const reason = `the server gave it up after ${deliveries} deliveries: consumer ${consumer} has a max_deliver`;
  const checksum = header.get(checksumHeader);
  const letter = { subject, reason, atMs: message.time.getTime(), body, bodyBytes: body.byteLength, checksum };
  await deadLetters.add(stream, letter, `${stream}-${seq}`);
  await orGone(withPatience(nc, `removing from ${stream}`, () => jsm.streams.deleteMessage(stream, seq, false)));
}

/** null when the message is not there any more. */
async function orGone<T extends StoredMsg | boolean>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (cause) {
    const failure = fromNats(cause, 'looking for a message');
    if (failure.code === 'NOT_FOUND') return null;
    throw failure;
  }
}
