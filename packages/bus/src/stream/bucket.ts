/**
 * A bucket of small shared values by key. Watching combines the server's notifications (fast) with a look every two
 * seconds (sure): after a restart of the server notifications may stay away for ten seconds and more.
 */

import { SegueError } from '@segue/core';
import type { KV, KvEntry, QueuedIterator } from 'nats';
import { pause } from '../abort.js';
import { AsyncQueue } from '../async-queue.js';
import { decodeBody, encodeBody } from './codec.js';
import { type Connection, fromNats, requestTimeoutMs, withPatience } from './connection.js';
import type { Format } from './messages.js';
import type { BucketSpec } from './subjects.js';

const lookEveryMs = 2_000;

interface Seen<T> {
  readonly key: string;
  readonly revision: number;
  readonly value: T;
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

  async setUp(): Promise<void> {
    const { js } = this.#connection;
    await js.views.kv(this.#spec.name, { history: 1, ttl: this.#spec.ttlMs, timeout: requestTimeoutMs });
  }

  put(key: string, value: T): Promise<void> {
    return withPatience(this.#connection.nc, `writing ${key}`, () => this.putOnce(key, value));
  }

  /** One try: for what is written again soon. */
  async putOnce(key: string, value: T): Promise<void> {
    const kv = await this.#open();
    await kv.put(key, encodeBody(this.#format.write(value)));
  }

  async remove(key: string): Promise<void> {
    await (await this.#open()).purge(key);
  }

  async get(key: string): Promise<T | null> {
    const seen = await withPatience(this.#connection.nc, `reading ${key}`, () => this.#look(key));
    return seen?.value ?? null;
  }

  /** All values, in the order of their keys. */
  async list(): Promise<T[]> {
    const all = await withPatience(this.#connection.nc, `reading ${this.#spec.name}`, () => this.#lookAtAll());
    return all.map((seen) => seen.value);
  }

  /** What is there, then what changes. */
  async *watch(signal: AbortSignal): AsyncGenerator<T, void, void> {
    const changes = new AsyncQueue<Seen<T>>();
    const stop = new AbortController();
    const close = () => {
      stop.abort();
      changes.close();
    };
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    void this.#lookAgainAndAgain(changes, stop.signal);
    void this.#listen(changes, stop.signal);
    const newest = new Map<string, number>();
    try {
      for await (const { key, revision, value } of changes) {
        if (revision <= (newest.get(key) ?? 0)) continue;
        newest.set(key, revision);
        yield value;
      }
    } finally {
      signal.removeEventListener('abort', close);
      close();
    }
  }

  async #lookAgainAndAgain(changes: AsyncQueue<Seen<T>>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for (const seen of await this.#lookAtAll()) changes.push(seen);
      } catch (error) {
        this.#report(error, signal);
      }
      await pause(lookEveryMs, signal);
    }
  }

  async #listen(changes: AsyncQueue<Seen<T>>, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const entries: QueuedIterator<KvEntry> = await (await this.#open()).watch();
        const stop = () => entries.stop();
        signal.addEventListener('abort', stop, { once: true });
        if (signal.aborted) stop();
        for await (const entry of entries) {
          const seen = this.#read(entry);
          if (seen) changes.push(seen);
        }
        signal.removeEventListener('abort', stop);
      } catch (error) {
        this.#report(error, signal);
      }
      await pause(lookEveryMs, signal);
    }
  }

  #report(error: unknown, signal: AbortSignal): void {
    if (signal.aborted || this.#connection.nc.isClosed()) return;
    const message = fromNats(error, `watching ${this.#spec.name}`).message;
    this.#connection.log.warn({ bucket: this.#spec.name }, message);
  }

  async #lookAtAll(): Promise<Seen<T>[]> {
    const stream = `KV_${this.#spec.name}`;
    const prefix = `$KV.${this.#spec.name}.`;
    const { state } = await this.#connection.jsm.streams.info(stream, { subjects_filter: `${prefix}>` });
    const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
    const all = await Promise.all(keys.sort().map((key) => this.#look(key)));
    return all.filter((seen) => seen !== null);
  }

  async #look(key: string): Promise<Seen<T> | null> {
    const entry = await (await this.#open()).get(key);
    return entry && this.#read(entry);
  }

  /** null for a removed key, and for a value that this version cannot read. */
  #read(entry: KvEntry): Seen<T> | null {
    if (entry.operation !== 'PUT') return null;
    try {
      const value = this.#format.read(decodeBody(entry.value, null));
      return { key: entry.key, revision: entry.revision, value };
    } catch (error) {
      const reason = SegueError.from(error).message;
      this.#connection.log.warn({ bucket: this.#spec.name, key: entry.key, reason }, 'passed over an unreadable value');
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
