/**
 * One pull from a durable consumer: what is there at once, or the first that comes. The library's own fetch waits until the
 * batch is full or its time is over, which would leave free slots idle. Knows nothing of what the messages hold.
 */
import { createInbox, type Msg, type NatsConnection, nanos } from 'nats';
import { pause } from '../abort.js';
import { requestTimeoutMs } from './connection.js';

export interface PullRequest {
  readonly stream: string;
  readonly consumer: string;
  readonly max: number;
  /** 0: only what is there. Else the wait for the first message, in ms. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Bound on what one pull may bring: far below the 64 MiB of waiting bytes at which the server cuts a connection. */
const maxPullBytes = 8 * 1024 * 1024;

export type PullResult =
  | { readonly kind: 'messages'; readonly messages: Msg[] }
  /** The stream or the consumer is not there. */
  | { readonly kind: 'missing' };

export async function pull(nc: NatsConnection, request: PullRequest): Promise<PullResult> {
  const inbox = createInbox();
  const subscription = nc.subscribe(inbox);
  const ended = new AbortController();
  const stop = () => subscription.unsubscribe();
  request.signal?.addEventListener('abort', stop, { once: true });
  // The server ends the pull itself; this is for the case that it is away.
  void pause(request.waitMs + requestTimeoutMs, ended.signal).then(stop);
  nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${request.stream}.${request.consumer}`, JSON.stringify(options(request)), {
    reply: inbox,
  });
  const messages: Msg[] = [];
  try {
    if (request.signal?.aborted) return { kind: 'messages', messages };
    for await (const message of subscription) {
      if (message.subject === inbox) {
        if (message.headers?.code === 503) return { kind: 'missing' };
        if (isEnd(message)) break;
        continue;
      }
      messages.push(message);
      if (messages.length >= request.max) break;
    }
    return { kind: 'messages', messages };
  } finally {
    stop();
    ended.abort();
    request.signal?.removeEventListener('abort', stop);
  }
}

function options({ max, waitMs }: PullRequest): object {
  if (waitMs > 0) return { batch: 1, expires: nanos(waitMs) };
  return { batch: max, no_wait: true, max_bytes: maxPullBytes };
}

/** 404 nothing there, 408 time is over, 409 the bytes are used up or the consumer is gone. 100 is a heartbeat. */
function isEnd(message: Msg): boolean {
  const code = message.headers?.code ?? 0;
  return code >= 400;
}
