/**
 * Keeps the streams, their consumers and the buckets in being: makes what is missing, looks whether all is there, and makes it again each time that the server
 * was found, since it may have come back without. What goes through them is no business of this file.
 */
import { SegueError } from '@segue/core';
import { pause } from '../abort.js';
import { type Connection, fromNats, withPatience } from './connection.js';
import { awaitedStreams, consumerConfig, queues, streamConfigs } from './subjects.js';

const readyTimeoutMs = 30_000;
const readyPauseMs = 100;

export interface UpkeepOptions {
  /** Servers that hold a copy of what is made. */
  readonly replicas: number;
  /** Makes the buckets that are missing. */
  readonly setUpBuckets: (replicas: number) => Promise<void>;
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
  async setUp(): Promise<void> {
    const { nc, jsm } = this.#connection;
    const { replicas, setUpBuckets } = this.#options;
    await withPatience(nc, 'making the streams', async () => {
      for (const spec of streamConfigs) {
        const { storage, ...config } = { ...spec, num_replicas: replicas };
        // A stream that is there stays where it lies: the server refuses to move it.
        const isKnown = await this.#isThere(() => jsm.streams.info(config.name));
        await (isKnown ? jsm.streams.update(config.name, config) : jsm.streams.add({ ...config, storage }));
      }
      for (const queue of Object.values(queues)) {
        const known = await this.#isThere(() => jsm.consumers.info(queue.stream, queue.consumer));
        if (!known) await jsm.consumers.add(queue.stream, consumerConfig(queue, queue.leaseMs));
      }
      await setUpBuckets(replicas);
    });
  }

  /** A server that came back with an empty disk gets its streams again. Until the connection closes. */
  async guard(): Promise<void> {
    for await (const status of this.#connection.nc.status()) {
      if (status.type !== 'reconnect') continue;
      await this.setUp().catch((error: unknown) =>
        this.#connection.log.warn({ error: SegueError.from(error).message }, 'could not look after the streams'),
      );
    }
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
