/**
 * One pull from a durable consumer: what is there at once, or the first that comes with what comes beside it. The library's own fetch waits until the
 * batch is full or its time is over, which would leave free slots idle. Knows nothing of what the messages hold.
 */
import { createInbox, type Msg, type NatsConnection, nanos } from 'nats';
import { requestTimeoutMs } from './connection.js';

export interface PullRequest {
  readonly stream: string;
  readonly consumer: string;
  readonly max: number;
  /** 0: only what is there. Else the wait for the first message, in ms. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Where answers come to. */
  readonly inboxPrefix?: string | undefined;
}

/** Bound on what one pull may bring: far below the 64 MiB of waiting bytes at which the server cuts a connection. */
const maxPullBytes = 8 * 1024 * 1024;

export type PullResult =
  | { readonly kind: 'messages'; readonly messages: Msg[] }
  /** The stream or the consumer is not there. */
  | { readonly kind: 'missing' };

export async function pull(nc: NatsConnection, request: PullRequest): Promise<PullResult> {
  const { inboxPrefix } = request;
  // In the connection's own place: others are closed to a user with permissions.
  const inbox = createInbox(inboxPrefix);
  const subscription = nc.subscribe(inbox);
  const stop = () => subscription.unsubscribe();
  // The server ends the pull itself; this is for the case that it is away.
  let timer = setTimeout(stop, request.waitMs + requestTimeoutMs);
  let isEnding = false;
  // Ends with the server's answer to it: what was on its way until then is here, nothing is sent to an inbox that is gone.
  const end = () => {
    if (isEnding || subscription.isClosed()) return;
    isEnding = true;
    clearTimeout(timer);
    timer = setTimeout(stop, requestTimeoutMs);
    subscription.drain().catch(stop);
  };
  request.signal?.addEventListener('abort', end, { once: true });
  const messages: Msg[] = [];
  try {
    if (request.signal?.aborted) return { kind: 'messages', messages };
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${request.stream}.${request.consumer}`, JSON.stringify(options(request)), {
      reply: inbox,
    });
    for await (const message of subscription) {
      if (message.subject === inbox) {
        if (message.headers?.code === 503) return { kind: 'missing' };
        if (isEnd(message)) break;
        continue;
      }
      messages.push(message);
      if (messages.length >= request.max) break;
      end();
    }
    return { kind: 'messages', messages };
  } finally {
    stop();
    clearTimeout(timer);
    request.signal?.removeEventListener('abort', end);
  }
}

function options({ max, waitMs }: PullRequest): object {
  const wait = waitMs > 0 ? { expires: nanos(waitMs) } : { no_wait: true };
  return { batch: max, max_bytes: maxPullBytes, ...wait };
}

/** 404 nothing there, 408 time is over, 409 the bytes are used up or the consumer is gone. 100 is a heartbeat. */
function isEnd(message: Msg): boolean {
  const code = message.headers?.code ?? 0;
  return code >= 400;
}
