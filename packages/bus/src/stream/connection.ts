/** The connection to the NATS server: made with patience, never given up, its troubles put into words. */

import { SegueError } from '@segue/core';
import {
  type ApiError,
  type ConnectionOptions,
  connect,
  type JetStreamClient,
  type JetStreamManager,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
} from 'nats';
import { pause } from '../abort.js';
import type { TlsMaterial } from '../access/tls.js';
import type { BusLog, BusOptions } from './bus.js';
import { explainSilence, isTimeout, muteReason, StreamsWatch } from './mute.js';
import { inboxPrefix } from './permissions.js';
import { Requests } from './requests.js';
import { patienceMs } from './subjects.js';

/** Longest time for one answer of the server, in ms; trying again is done above it. */
export const requestTimeoutMs = 2_000;
/**
 * For one try to connect, in ms. The library forgets the socket of a try that took longer, and when the server answers or ends that one later, takes it for
 * the connection: sockets pile up, and two of them speak at once. So a server that is only busy, or stopped for a while, is waited for.
 */
const dialTimeoutMs = 60_000;
/** For a try at the start, in ms, before another one is made beside it. */
const firstDialMs = 2_000;
const retryPauseMs = 200;

export interface Connection {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** For what is asked once per message. */
  readonly requests: Requests;
  readonly log: BusLog;
  /** Where answers to this connection come to; undefined: to the common place. */
  readonly inboxPrefix: string | undefined;
  /** Whether the server is there at this moment. */
  isUp(): boolean;
  /** How often it was found again: each time it may have come back without what it knew. */
  reconnects(): number;
  /** What to throw for a write that failed: RESOURCE_EXHAUSTED where the server is there and its streams are silent. */
  explain(error: unknown): Promise<SegueError>;
}

const silent: BusLog = { info: () => {}, warn: () => {} };

/** Throws UNAVAILABLE when no server answers in time, FAILED_PRECONDITION when it has no JetStream, PERMISSION_DENIED when this caller may not ask it. */
export async function openConnection(options: BusOptions): Promise<Connection> {
  const settings = settingsOf(options);
  const nc = await connectWithPatience(options, settings);
  const log = options.log ?? silent;
  const { isUp, reconnects } = followStatus(nc, log, options.onConnection);
  try {
    const js = nc.jetstream({ timeout: requestTimeoutMs });
    const prefix = options.service === undefined ? undefined : inboxPrefix(options.service);
    const requests = new Requests(nc, requestTimeoutMs, prefix);
    const explain = (error: unknown) => explainSilence(SegueError.from(error), settings);
    const jsm = await js.jetstreamManager();
    return { nc, js, jsm, requests, log, inboxPrefix: prefix, isUp, reconnects, explain };
  } catch (error) {
    await nc.close();
    throw withoutStreams(error, printableUrl(options.url));
  }
}

/** Why a server that took the connection gives no streams. */
function withoutStreams(error: unknown, url: string): SegueError {
  if (isTimeout(error)) return new SegueError('RESOURCE_EXHAUSTED', `${url}: ${muteReason}`, error);
  // Nobody answers for the streams, or the server says that there are none for this caller's account.
  if (error instanceof NatsError && error.code === '503') {
    const reason = error.api_error?.description ?? error.message;
    const message = `the NATS server at ${url} gives no JetStream (${reason}): start it with --jetstream`;
    return new SegueError('FAILED_PRECONDITION', message, error);
  }
  return fromNats(error, `asking the NATS server at ${url} for its streams`);
}

/** Tells over a connection of its own whether the server takes it while its streams say nothing, as after a full disk. A look takes some seconds then. */
export function watchStreams(options: BusOptions): StreamsWatch {
  return new StreamsWatch(settingsOf(options));
}

function settingsOf(options: BusOptions): ConnectionOptions {
  return {
    servers: options.url,
    name: options.name,
    timeout: dialTimeoutMs,
    // The default gives up for good after twenty seconds.
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
    ...(options.service !== undefined && { inboxPrefix: inboxPrefix(options.service) }),
    ...(options.seed !== undefined && { authenticator: nkeyAuthenticator(Buffer.from(options.seed.trim())) }),
    ...(options.tls && { tls: pemOf(options.tls) }),
  };
}

async function connectWithPatience(options: BusOptions, settings: ConnectionOptions): Promise<NatsConnection> {
  const timeoutMs = options.connectTimeoutMs ?? 10_000;
  const deadlineAtMs = performance.now() + timeoutMs;
  const dials = new Set<Promise<NatsConnection>>();
  let first: NatsConnection | null = null;
  try {
    for (;;) {
      try {
        first = await dialBeside(dials, settings, deadlineAtMs);
        return first;
      } catch (error) {
        const refusal = refusalOf(error, options.url);
        if (refusal) throw refusal;
        if (performance.now() + retryPauseMs < deadlineAtMs) {
          await pause(retryPauseMs);
          continue;
        }
        const reason = error instanceof Error ? error.message : String(error);
        const message = `no NATS server answers at ${printableUrl(options.url)} (${reason}): start one with nats-server --jetstream, or set natsUrl`;
        throw new SegueError('UNAVAILABLE', message, error);
      }
    }
  } finally {
    // One that comes later is closed.
    for (const dial of dials) dial.then((nc) => (nc === first ? undefined : nc.close())).catch(() => undefined);
  }
}

/**
 * Another try to connect beside those that go on; the first connection of all, if one is there before long. A server that ends the connection after
 * its first line leaves the library waiting until the dial is over, and there is nothing yet that would tell of it: what waits may be that, or a
 * server that is only slow.
 */
async function dialBeside(
  dials: Set<Promise<NatsConnection>>,
  settings: ConnectionOptions,
  deadlineAtMs: number,
): Promise<NatsConnection> {
  const dial = connect(settings);
  dials.add(dial);
  dial.catch(() => dials.delete(dial));
  const answered = new AbortController();
  const waitMs = Math.min(firstDialMs, Math.max(0, deadlineAtMs - performance.now()));
  const late = pause(waitMs, answered.signal).then(() => null);
  try {
    const nc = await Promise.race([...dials, late]);
    if (nc !== null) return nc;
  } finally {
    answered.abort();
  }
  throw new Error('it does not answer');
}

function pemOf({ ca, cert, key }: TlsMaterial) {
  return { ca: ca.toString(), cert: cert.toString(), key: key.toString() };
}

const refused = new Set([
  'AUTHORIZATION_VIOLATION',
  'BAD_AUTHENTICATION',
  'TLS_REQUIRED',
  'SERVER_OPTION_NA',
  'BAD_CREDS',
]);

/** What no patience changes: the server does not take this caller, or the caller not the server. */
function refusalOf(error: unknown, url: string): SegueError | null {
  const code = error instanceof NatsError ? error.code : '';
  const reason = error instanceof Error ? error.message : String(error);
  if (!refused.has(code) && !/certificate|\bTLS\b|\bSSL\b|secure/i.test(reason)) return null;
  const hint = 'check security.natsSeed and the certificates of both sides';
  return new SegueError(
    'UNAUTHENTICATED',
    `the NATS server at ${printableUrl(url)} refused: ${reason}: ${hint}`,
    error,
  );
}

/** A URL, or several after commas, without users and passwords that may stand in it, nor what follows a question mark. */
export function printableUrl(url: string): string {
  // A comma may stand in a password: one parts two URLs only after a path. Without, what comes before the last @ goes, another server's name too.
  return url.replace(/(^|\/\/|\/,\s*)[^/]*@/g, '$1').replace(/\?.*$/s, '?...');
}

/** Tells the log of every change; answers whether the server is there, and how often it was found again. */
function followStatus(
  nc: NatsConnection,
  log: BusLog,
  told: BusOptions['onConnection'],
): Pick<Connection, 'isUp' | 'reconnects'> {
  let isUp = true;
  let reconnects = 0;
  const follow = async () => {
    for await (const status of nc.status()) {
      if (status.type === 'disconnect') {
        if (!isUp) endGreeting(nc);
        isUp = false;
        told?.(false);
        log.warn({ server: status.data }, 'lost the NATS server');
      }
      if (status.type === 'reconnect') {
        isUp = true;
        reconnects++;
        told?.(true);
        log.info({ server: status.data }, 'found the NATS server again');
      }
      if (status.type === 'error') log.warn({ error: status.data }, 'the NATS server refused something');
    }
  };
  void follow();
  return { isUp: () => isUp && !nc.isClosed(), reconnects: () => reconnects };
}

/** Of what the library keeps to itself, what a dial hangs on. */
interface Dialling {
  readonly protocol?: {
    readonly transport?: { readonly isClosed: boolean };
    /** Ends the dial that goes on, which is then made again. */
    readonly connectError?: (error: Error) => void;
  };
}

/**
 * A server that ends the connection after its first line and before it has answered ours (one that is killed, or that a proxy stands for) leaves the library
 * waiting for that answer until the dial is over, a minute. It tells of the end; so the dial is ended too, and the next one is made.
 */
function endGreeting(nc: NatsConnection & Dialling): void {
  if (nc.protocol?.transport?.isClosed) nc.protocol.connectError?.(new Error('the server ended the connection'));
}

/**
 * Does `work` again while the server is away or full, for half a minute; every other failure ends it. `work` must bear repetition.
 * @param signal ends the patience: what is being done is the last try
 */
export async function withPatience<T>(
  nc: NatsConnection,
  what: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const deadlineAtMs = performance.now() + patienceMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const failure = fromNats(error, what);
      const isOver = signal?.aborted || nc.isClosed() || nc.isDraining();
      if (!failure.retryable || isOver || performance.now() + retryPauseMs > deadlineAtMs) throw failure;
      await pause(retryPauseMs, signal);
    }
  }
}

/** Publishes into a stream; resolves when the stream has the message. @param id by which the stream knows a repetition */
export async function publishToStream(
  { requests }: Connection,
  subject: string,
  body: Uint8Array,
  fields: MsgHdrs,
  id: string,
): Promise<void> {
  fields.set('Nats-Msg-Id', id);
  throwRefusal(await requests.ask(subject, body, fields));
}

/** Publishes a message that says all by its subject, with patience; resolves when the stream has it. One too many changes nothing. */
export async function publishMark({ nc, requests }: Connection, subject: string): Promise<void> {
  await withPatience(nc, `publishing to ${subject}`, async () => throwRefusal(await requests.ask(subject, '')));
}

/** A stream answers a publication with its number there, or with why it does not take it. */
function throwRefusal(answer: Msg): void {
  const { error: refusal } = answer.json<{ readonly error?: ApiError }>();
  if (refusal === undefined) return;
  const error = new NatsError(refusal.description, String(refusal.code));
  error.api_error = refusal;
  throw error;
}

const unavailable = new Set(['TIMEOUT', '503', 'CONNECTION_CLOSED', 'CONNECTION_DRAINING', 'DISCONNECT', '408', '409']);
/** JetStream's own codes for a full stream, memory or disk. */
const exhausted = new Set([10023, 10047, 10077]);

export function fromNats(error: unknown, what: string): SegueError {
  if (!(error instanceof NatsError)) return SegueError.from(error);
  const message = `${what}: ${error.api_error?.description ?? error.message}`;
  if (exhausted.has(error.api_error?.err_code ?? 0)) return new SegueError('RESOURCE_EXHAUSTED', message, error);
  if (error.code === 'MAX_PAYLOAD_EXCEEDED') return new SegueError('INVALID_INPUT', message, error);
  if (error.code === 'PERMISSIONS_VIOLATION') return new SegueError('PERMISSION_DENIED', message, error);
  if (error.code === '404') return new SegueError('NOT_FOUND', message, error);
  return new SegueError(unavailable.has(error.code) ? 'UNAVAILABLE' : 'INTERNAL', message, error);
}
