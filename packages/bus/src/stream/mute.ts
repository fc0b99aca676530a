/**
 * Why a publication was not answered. A server whose disk is full (nats-server 2.9) refuses nothing: it takes new connections and delivers what is not kept, but of its
 * streams not one word comes, to nobody, until it is started anew. So whoever has waited in vain looks by a connection of its own. It publishes nothing.
 */
import { SegueError } from '@segue/core';
import { type ConnectionOptions, connect, type NatsConnection, NatsError } from 'nats';

/** For the connection, and for the answer of the streams, in ms. */
const patienceMs = 2_000;

export const muteReason =
  'the NATS server answers and its streams do not: its disk is full or does not write; free space there, and start it anew where nothing else does';

/** The failure as it came, or RESOURCE_EXHAUSTED where the server is there and its streams are mute. */
export async function explainSilence(failure: SegueError, settings: ConnectionOptions): Promise<SegueError> {
  if (failure.code !== 'UNAVAILABLE' || !(await areMute(settings))) return failure;
  return new SegueError('RESOURCE_EXHAUSTED', `${failure.rawMessage}; ${muteReason}`, failure);
}

/** Whether the server takes a connection while its streams do not answer; one that is away or stopped is not mute. */
async function areMute(settings: ConnectionOptions): Promise<boolean> {
  const look = new StreamsWatch(settings);
  try {
    return await look.areMute();
  } finally {
    await look.close();
  }
}

/**
 * The same asked again and again. The connection is kept from look to look, since a server remembers the last 10,000 that were closed: half an hour of looks with one each
 * were megabytes of its memory.
 */
export class StreamsWatch {
  readonly #settings: ConnectionOptions;
  #kept: NatsConnection | null = null;
  #closed = false;

  constructor(settings: ConnectionOptions) {
    this.#settings = settings;
  }

  async areMute(): Promise<boolean> {
    const kept = this.#kept;
    if (kept !== null) {
      if ((await ask(kept)) === 'answered') return false;
      // Silence on it does not tell a server whose streams are mute from one that is away or stopped.
      this.#kept = null;
      await kept.close();
    }
    if (this.#closed) return false;
    // Made only when the server has answered: one that is stopped is not mute but away.
    const made = await connectWithin(this.#settings);
    if (made === null) return false;
    const answer = await ask(made);
    if (answer === 'answered' && !this.#closed) this.#kept = made;
    else await made.close();
    return answer === 'silent';
  }

  /** Ends its connection; a look that is under way ends its own. */
  async close(): Promise<void> {
    this.#closed = true;
    const kept = this.#kept;
    this.#kept = null;
    await kept?.close();
  }
}

/** What the streams say. An answer of any kind, a refusal too, says that they are well. */
async function ask(nc: NatsConnection): Promise<'answered' | 'silent' | 'gone'> {
  try {
    await nc.request('$JS.API.INFO', undefined, { timeout: patienceMs });
    return 'answered';
  } catch (error) {
    if (isTimeout(error)) return 'silent';
    return nc.isClosed() ? 'gone' : 'answered';
  }
}

export function isTimeout(error: unknown): boolean {
  return error instanceof NatsError && error.code === 'TIMEOUT';
}

/** null when there is none in time; one that comes later is closed. */
async function connectWithin(settings: ConnectionOptions): Promise<NatsConnection | null> {
  const connecting = connect({ ...settings, reconnect: false });
  const nc = await within(connecting);
  if (nc === null) connecting.then((late) => late.close()).catch(() => undefined);
  return nc;
}

async function within<T>(work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), patienceMs);
  });
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
