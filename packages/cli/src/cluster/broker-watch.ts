/**
 * A broker that met a full disk answers nobody any more, also when there is space again, until it is started anew, and writes no line about it (docs/durability.md
 * has the measurement). So two things are watched: the free space of its disk, and, since a disk may be full and free again between two looks, whether its streams
 * answer. It is started again once there is space, unless it was started since by other means. It loses nothing that matters: the store is the memory.
 */
import { statfs } from 'node:fs/promises';

const mebibyte = 1 << 20;
/** Less than this may not hold the next message. */
const fullBytes = 2 * mebibyte;
/** Enough to go on with. */
const enoughBytes = 8 * mebibyte;
const pauseMs = 1_000;
/** Looks in a row that find the streams mute, each of them some seconds long: a machine that is only busy answers in between, and callers wait for half a minute. */
const muteLooks = 3;

export interface WatchedBroker {
  /** Of the disk that holds its data. */
  freeBytes(): Promise<number>;
  /** Whether it takes connections while its streams say nothing; closed with the watch. */
  readonly streams: { areMute(): Promise<boolean>; close(): Promise<void> };
  /** When it was last started, by `performance.now()`. */
  startedAtMs(): number;
  restart(why: string): void;
}

export class BrokerWatch {
  readonly #broker: WatchedBroker;
  /** When its disk was last seen to be full, since it was last started from here; null when it was not. */
  #fullAtMs: number | null = null;
  #muteInARow = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(broker: WatchedBroker) {
    this.#broker = broker;
  }

  start(): void {
    this.#timer = setTimeout(() => {
      // A disk that cannot be asked is looked at again.
      const looked = this.look().catch(() => undefined);
      void looked.then(() => this.#stopped || this.start());
    }, pauseMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#broker.streams.close();
  }

  async look(): Promise<void> {
    const free = await this.#broker.freeBytes();
    if (free < fullBytes) this.#fullAtMs = performance.now();
    if (free < enoughBytes) return;
    const fullAtMs = this.#fullAtMs;
    this.#fullAtMs = null;
    // One that has died of it and was started since has met no full disk; should it have, its streams are mute.
    if (fullAtMs !== null && this.#broker.startedAtMs() <= fullAtMs) {
      return this.#restart(`its disk was full and has ${free} bytes free again`);
    }
    this.#muteInARow = (await this.#broker.streams.areMute()) ? this.#muteInARow + 1 : 0;
    if (this.#muteInARow >= muteLooks) this.#restart('it takes connections and its streams do not answer');
  }

  #restart(why: string): void {
    this.#muteInARow = 0;
    if (!this.#stopped) this.#broker.restart(why);
  }
}

/** Whether the folder's disk has too little space for anything to go on. */
export async function isDiskFull(folder: string): Promise<boolean> {
  return (await freeBytesOf(folder)) < enoughBytes;
}

export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
