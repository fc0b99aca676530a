/**
 * A bucket of small shared values by key. Watching combines the server's notifications (fast) with a look every two
 * seconds (sure). The library's own watcher is not used: after a restart of the server it may stay silent for ten seconds
 * and more, and it outlives its connection.
 */

import { SegueError } from '@segue/core';
import { type KV, NatsError, type StoredMsg } from 'nats';
import { pause } from '../abort.js';
import { AsyncQueue } from '../async-queue.js';
import { decodeBody, encodeBody } from './codec.js';
import { type Connection, fromNats, requestTimeoutMs, withPatience } from './connection.js';
import type { Format } from './messages.js';
import type { BucketSpec } from './subjects.js';

const lookEveryMs = 2_000;
const lookForTries = 4;
const lookForPauseMs = 5;
/**
 * Of a new bucket. Up to here the server makes it of blocks of 32 KB in place of 4 MB, and has the block that it writes in memory: of what is written again
 * and again (heartbeats, signals of iterations) that is megabytes (docs/load.md). With more room it makes them so until it starts again.
 */
const firstRoomBytes = 127_000;
/** What a bucket that is half full gets, in rooms of before: what comes in a rush is waited for by whoever writes. */
const roomFactor = 4;
/** Of a write that takes its key out. */
const operationHeader = 'KV-Operation';

export interface Seen<T> {
  readonly key: string;
  readonly revision: number;
  /** When the server took it, by its clock: Unix time in ms. */
  readonly createdMs: number;
  readonly value: T;
}

/** What a watcher is to be told: of each key, newer values alone. */
export class Changes<T> {
  readonly queue = new AsyncQueue<Seen<T>>();
  readonly #newest = new Map<string, Pick<Seen<T>, 'revision' | 'createdMs'>>();

  /**
   * False when this or a newer one was there already. A server that has lost data gives revisions a second time: what it took later is new all
   * the same. Later than all that was seen: its clock may have gone back between two revisions.
   */
  offer(seen: Seen<T>): boolean {
    const { key, revision, createdMs } = seen;
    const newest = this.#newest.get(key);
    if (newest !== undefined && revision <= newest.revision && createdMs <= newest.createdMs) return false;
    this.#newest.set(key, { revision, createdMs: Math.max(createdMs, newest?.createdMs ?? createdMs) });
    this.queue.push(seen);
    return true;
  }
}

export class Bucket<T> {
  readonly #connection: Connection;
  readonly #spec: BucketSpec;
  readonly #format: Format<T>;
  #kv: Promise<KV> | null = null;

  constructor(connection: Connection, spec: BucketSpec, format: Format<T>) {
    this.#connection = connection;
    this.#spec = spec;
    this.#format = format;
  }

  /** Of the subjects under which the server keeps the keys. */
  get #prefix(): string {
    return `$KV.${this.#spec.name}.`;
  }

  get #stream(): string {
    return `KV_${this.#spec.name}`;
  }

  /** @param replicas servers that hold a copy; a bucket that is there keeps what it has */
  async setUp(replicas: number): Promise<void> {
    const { js } = this.#connection;
    const { name, ttlMs: ttl } = this.#spec;
    await js.views.kv(name, { history: 1, ttl, max_bytes: firstRoomBytes, timeout: requestTimeoutMs, replicas });
  }

  /** More room where half of it is taken; without a limit there is room for all. */
  async makeRoom(): Promise<void> {
    const { jsm, log } = this.#connection;
    const { config, state } = await jsm.streams.info(this.#stream).catch(missing(this.#spec));
    if (config.max_bytes <= 0 || 2 * state.bytes < config.max_bytes) return;
    const maxBytes = roomFactor * config.max_bytes;
    try {
      await jsm.streams.update(this.#stream, { max_bytes: maxBytes });
    } catch (error) {
      throw fromNats(error, `giving the bucket ${this.#spec.name} more room`);
    }
    log.info({ bucket: this.#spec.name, maxBytes }, 'a bucket that was half full has more room');
  }

  async put(key: string, value: T): Promise<void> {
    try {
      await withPatience(this.#connection.nc, `writing ${key}`, () => this.putOnce(key, value));
    } catch (error) {
      throw await this.#connection.explain(error);
    }
  }

  /** One try: for what is written again soon. */
  async putOnce(key: string, value: T): Promise<void> {
    const kv = await this.#open();
    await kv.put(key, encodeBody(this.#format.write(value)));
  }

  /**
   * Writes when nobody else has since `revision` (0: when the key is not there). One try, which may have been done even when its answer is lost.
   * @returns the new revision; null when somebody else was first
   */
  async putIf(key: string, value: T, revision: number): Promise<number | null> {
    try {
      const kv = await this.#open();
      return await kv.put(key, encodeBody(this.#format.write(value)), { previousSeq: revision });
    } catch (error) {
      if (hasErrorCode(error, wrongLastSequence)) return null;
      throw fromNats(error, `writing ${key}`);
    }
  }

  async remove(key: string): Promise<void> {
    await (await this.#open()).purge(key);
  }

  /** Leaves nothing of a key; `remove` leaves a mark, which tells watchers. For keys that nobody looks at any more. */
  async forget(key: string): Promise<void> {
    const { nc, jsm } = this.#connection;
    const filter = `${this.#prefix}${key}`;
    await withPatience(nc, `forgetting ${key}`, () => jsm.streams.purge(this.#stream, { filter }));
  }

  /** In order. */
  keys(): Promise<string[]> {
    return withPatience(this.#connection.nc, `reading ${this.#spec.name}`, () => this.#readKeys());
  }

  /** null when the key is not there; who asks of a bucket that is not there waits for it. */
  async get(key: string): Promise<T | null> {
    const seen = await withPatience(this.#connection.nc, `reading ${key}`, () => this.#look(key));
    return seen?.value ?? null;
  }

  /** With the revision, for `putIf`. */
  getSeen(key: string): Promise<Seen<T> | null> {
    return withPatience(this.#connection.nc, `reading ${key}`, () => this.#look(key));
  }

  /** All values, in the order of their keys. */
  async list(): Promise<T[]> {
    const all = await withPatience(this.#connection.nc, `reading ${this.#spec.name}`, () => this.#lookAtAll());
    return all.map((seen) => seen.value);
  }

  /** What is there, then what changes. */
  async *watch(signal: AbortSignal): AsyncGenerator<T, void, void> {
    if (signal.aborted) return;
    const changes = new Changes<T>();
    const stop = new AbortController();
    const close = () => {
      stop.abort();
      changes.queue.close();
    };
    signal.addEventListener('abort', close, { once: true });
    // Every write is an ordinary message too, which tells that there is something to look at.
    const writes = this.#connection.nc.subscribe(`${this.#prefix}>`, {
      callback: (error, message) => {
        if (!error) void this.#lookFor(message.subject.slice(this.#prefix.length), changes, stop.signal);
      },
    });
    void this.#lookAgainAndAgain(changes, stop.signal);
    try {
      for await (const seen of changes.queue) yield seen.value;
    } finally {
      signal.removeEventListener('abort', close);
      writes.unsubscribe();
      close();
    }
  }

  async #lookAgainAndAgain(changes: Changes<T>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const seen of await this.#lookAtAll()) changes.offer(seen);
      } catch (error) {
        this.#report(error, signal);
      }
      await pause(lookEveryMs, signal);
    }
  }

  /** The message of a write may be here a moment before the bucket has it. */
  async #lookFor(key: string, changes: Changes<T>, signal: AbortSignal): Promise<void> {
    try {
      for (let tries = 0; tries < lookForTries && !signal.aborted; tries++) {
        const seen = await this.#look(key);
        if (seen && changes.offer(seen)) return;
        await pause(lookForPauseMs, signal);
      }
    } catch (error) {
      this.#report(error, signal);
    }
  }

  #report(error: unknown, signal: AbortSignal): void {
    if (signal.aborted || this.#connection.nc.isClosed()) return;
    const message = fromNats(error, `watching ${this.#spec.name}`).message;
    this.#connection.log.warn({ bucket: this.#spec.name }, message);
  }

  async #lookAtAll(): Promise<Seen<T>[]> {
    const all = await Promise.all((await this.#readKeys()).map((key) => this.#look(key)));
    return all.filter((seen) => seen !== null);
  }

  async #readKeys(): Promise<string[]> {
    const prefix = this.#prefix;
    const query = { subjects_filter: `${prefix}>` };
    const { state } = await this.#connection.jsm.streams.info(this.#stream, query).catch(missing(this.#spec));
    return Object.keys(state.subjects ?? {})
      .map((subject) => subject.slice(prefix.length))
      .sort();
  }

  async #look(key: string): Promise<Seen<T> | null> {
    const message = await this.#newest(key);
    return message && this.#read(key, message);
  }

  /** null when the key is not there. The library's own `get` says that of a bucket that is not there, too. */
  async #newest(key: string): Promise<StoredMsg | null> {
    const query = { last_by_subj: `${this.#prefix}${key}` };
    try {
      return await this.#connection.jsm.streams.getMessage(this.#stream, query);
    } catch (error) {
      if (hasErrorCode(error, noMessageFound)) return null;
      return missing(this.#spec)(error);
    }
  }

  /** null for a removed key, and for a value that this version cannot read. */
  #read(key: string, { seq: revision, time, header, data }: StoredMsg): Seen<T> | null {
    if (!['', 'PUT'].includes(header.get(operationHeader))) return null;
    try {
      const value = this.#format.read(decodeBody(data, null));
      return { key, revision, createdMs: time.getTime(), value };
    } catch (error) {
      const reason = SegueError.from(error).message;
      this.#connection.log.warn({ bucket: this.#spec.name, key, reason }, 'passed over an unreadable value');
      return null;
    }
  }

  /** Binds to the bucket; it is made by setUp alone. */
  #open(): Promise<KV> {
    if (this.#kv) return this.#kv;
    const opening = this.#connection.js.views.kv(this.#spec.name, { bindOnly: true, timeout: requestTimeoutMs });
    opening.catch(() => {
      this.#kv = null;
    });
    this.#kv = opening;
    return opening;
  }
}

/** The server's codes: a write whose expected revision is not the newest, and a subject of which its stream has nothing. */
const wrongLastSequence = 10_071;
const noMessageFound = 10_037;

function hasErrorCode(error: unknown, code: number): boolean {
  return error instanceof NatsError && error.api_error?.err_code === code;
}

/** A bucket that is not there comes again: to whoever reads it the server is away. */
function missing({ name }: BucketSpec): (error: unknown) => never {
  return (error) => {
    const failure = fromNats(error, `reading ${name}`);
    if (failure.code !== 'NOT_FOUND') throw failure;
    throw new SegueError('UNAVAILABLE', `the bucket ${name} is not there: the replay store makes it`, failure);
  };
}
