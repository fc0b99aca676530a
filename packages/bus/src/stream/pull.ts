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

interface HowMuch {
  readonly batch: number;
  /** Ends when there is nothing more after the first. */
  readonly no_wait?: true;
}

export type PullResult =
  | { readonly kind: 'messages'; readonly messages: Msg[] }
  /** The stream or the consumer is not there. */
  | { readonly kind: 'missing' };

export async function pull(nc: NatsConnection, request: PullRequest): Promise<PullResult> {
  const { max, waitMs, signal } = request;
  const untilMs = performance.now() + waitMs;
  const taken = await ask(nc, request, { batch: max, no_wait: true }, waitMs);
  const leftMs = Math.ceil(untilMs - performance.now());
  if (taken.kind === 'missing' || taken.messages.length > 0 || leftMs <= 0 || signal?.aborted) return taken;
  // Refused at once, since there seemed to be less than others wait for.
  return ask(nc, request, { batch: 1 }, leftMs);
}

/**
 * One request, which the server ends: with the batch, after the first messages when there are no more (`no_wait`), or when its time is over. Ended from
 * here it may lose what is just being sent, and that would count as a delivery; so only the signal does.
 */
async function ask(nc: NatsConnection, request: PullRequest, how: HowMuch, waitMs: number): Promise<PullResult> {
  const { stream, consumer, inboxPrefix, signal } = request;
  // In the connection's own place: others are closed to a user with permissions.
  const inbox = createInbox(inboxPrefix);
  const subscription = nc.subscribe(inbox);
  const stop = () => subscription.unsubscribe();
  // The server ends the pull itself; this is for the case that it is away.
  let timer = setTimeout(stop, waitMs + requestTimeoutMs);
  // Ends with the server's answer to it: what was on its way until then is here, nothing is sent to an inbox that is gone.
  const end = () => {
    if (subscription.isClosed()) return;
    clearTimeout(timer);
    timer = setTimeout(stop, requestTimeoutMs);
    subscription.drain().catch(stop);
  };
  signal?.addEventListener('abort', end, { once: true });
  const messages: Msg[] = [];
  try {
    if (signal?.aborted) return { kind: 'messages', messages };
    const body = { ...how, max_bytes: maxPullBytes, ...(waitMs > 0 && { expires: nanos(waitMs) }) };
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(body), { reply: inbox });
    for await (const message of subscription) {
      if (message.subject === inbox) {
        if (message.headers?.code === 503) return { kind: 'missing' };
        if (isEnd(message)) break;
        continue;
      }
      messages.push(message);
      if (messages.length >= how.batch) break;
    }
    return { kind: 'messages', messages };
  } finally {
    stop();
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

/** 404 nothing there, 408 time is over or no more there, 409 the bytes are used up or the consumer is gone. 100 is a heartbeat. */
function isEnd(message: Msg): boolean {
  const code = message.headers?.code ?? 0;
  return code >= 400;
}
