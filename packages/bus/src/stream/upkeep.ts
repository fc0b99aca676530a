/**
 * Keeps the streams, their consumers and the buckets in being: makes what is missing, looks whether all is there, and makes it again each time that the server
 * was found, since it may have come back without. What goes through them is no business of this file.
 */
import { SegueError } from '@segue/core';
import { firstOf, pause } from '../abort.js';
import type { Bucket } from './bucket.js';
import { type Connection, fromNats, withPatience } from './connection.js';
import { awaitedStreams, consumerConfig, queues, streamConfigs } from './subjects.js';

const what = 'making the streams';
const readyTimeoutMs = 30_000;
const readyPauseMs = 100;
/** After a try that was refused; doubles while they are. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;

export interface UpkeepOptions {
  /** Servers that hold a copy of what is made. */
  readonly replicas: number;
  readonly buckets: readonly Pick<Bucket<unknown>, 'setUp'>[];
  /** Fires with the end of the bus. */
  readonly closed: AbortSignal;
}

export class Upkeep {
  readonly #connection: Connection;
  readonly #options: UpkeepOptions;

  constructor(connection: Connection, options: UpkeepOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Makes what is missing, with patience. */
  setUp(signal?: AbortSignal): Promise<void> {
    return withPatience(this.#connection.nc, what, () => this.#makeAll(), signal);
  }

  /** What the server refuses keeps nothing else from being made; then the first refusal is thrown. */
  async #makeAll(): Promise<void> {
    const refusals: SegueError[] = [];
    for (const make of this.#steps()) {
      await make().catch((error: unknown) => {
        const refusal = fromNats(error, what);
        // Nobody answers: the next step would wait as long.
        if (refusal.code === 'UNAVAILABLE') throw refusal;
        refusals.push(refusal);
      });
    }
    const [first] = refusals;
    if (first) throw first;
  }

  /** In order: a consumer needs its stream. */
  #steps(): (() => Promise<unknown>)[] {
    const { jsm } = this.#connection;
    const { replicas, buckets } = this.#options;
    const streams = streamConfigs.map((spec) => async () => {
      const { storage, ...config } = { ...spec, num_replicas: replicas };
      // A stream that is there stays where it lies: the server refuses to move it.
      const isKnown = await this.#isThere(() => jsm.streams.info(config.name));
      await (isKnown ? jsm.streams.update(config.name, config) : jsm.streams.add({ ...config, storage }));
    });
    const consumers = Object.values(queues).map((queue) => async () => {
      const isKnown = await this.#isThere(() => jsm.consumers.info(queue.stream, queue.consumer));
      if (!isKnown) await jsm.consumers.add(queue.stream, consumerConfig(queue, queue.leaseMs));
    });
    return [...streams, ...consumers, ...buckets.map((bucket) => () => bucket.setUp(replicas))];
  }

  /** A server that came back without some of it gets that again, however often it takes. Until the end of the bus. */
  async guard(): Promise<void> {
    let lost = new AbortController();
    let done = Promise.resolve();
    for await (const status of this.#connection.nc.status()) {
      // Of a server that is gone nothing more is asked: it is found again, which begins anew.
      if (status.type === 'disconnect') lost.abort();
      if (status.type !== 'reconnect') continue;
      lost.abort();
      lost = new AbortController();
      const { signal } = lost;
      done = done.then(() => this.#setUpAgain(signal));
    }
  }

  /** Until all is there, or the signal fires; of what stands in the way the log is told once. */
  async #setUpAgain(lost: AbortSignal): Promise<void> {
    const { log } = this.#connection;
    const { signal, release } = firstOf(lost, this.#options.closed);
    let isTold = false;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        // What has outlasted one patience is asked for at the pace of the pauses.
        await (isTold ? this.#makeAll() : this.setUp(signal));
        if (isTold) log.info({}, 'the streams are all there again');
        break;
      } catch (error) {
        if (signal.aborted) break;
        const { message } = SegueError.from(error);
        if (!isTold) log.warn({ error: message }, 'could not look after the streams: it is tried until they are there');
        isTold = true;
      }
      await pause(pauseMs, signal);
    }
    release();
  }

  /** Resolves when all that services wait for is there; UNAVAILABLE when it is not in time. */
  async ready(timeoutMs = readyTimeoutMs): Promise<void> {
    const { jsm } = this.#connection;
    const deadlineAtMs = Date.now() + timeoutMs;
    for (const name of awaitedStreams) {
      while (!(await this.#isThere(() => jsm.streams.info(name)))) {
        if (Date.now() > deadlineAtMs) {
          const message = `the stream ${name} is not there: the replay store makes it when it starts`;
          throw new SegueError('UNAVAILABLE', message);
        }
        await pause(readyPauseMs, this.#options.closed);
      }
    }
  }

  async #isThere(look: () => Promise<unknown>): Promise<boolean> {
    try {
      await look();
      return true;
    } catch (error) {
      const failure = fromNats(error, 'looking for the streams');
      if (failure.code === 'NOT_FOUND') return false;
      throw failure;
    }
  }
}
