/**
 * How long a lease of a queue lasts. Takers decide, since they know how often they extend it, where they may; elsewhere they go by what the server has.
 * It knows nothing of messages.
 */
import { SegueError } from '@segue/core';
import { millis } from 'nats';
import { type Connection, withPatience } from './connection.js';
import { consumerConfig, type QueueSpec } from './subjects.js';

export class LeaseTime {
  readonly #connection: Connection;
  readonly #spec: QueueSpec;
  #ms: number;
  /** As of which reconnect the server's lease is the takers': one that came back empty has the queue's own. Null: it is not known. */
  #settledAt: number | null = null;

  constructor(connection: Connection, spec: QueueSpec, ms = spec.leaseMs) {
    this.#connection = connection;
    this.#spec = spec;
    this.#ms = ms;
  }

  get ms(): number {
    return this.#ms;
  }

  /** The queue was not there: it is looked at again. */
  forget(): void {
    this.#settledAt = null;
  }

  /**
   * Has the server and this taker agree. False when the stream is not there.
   * @param signal nobody wants to take any more: a server that is silent is not waited for
   */
  async settle(signal: AbortSignal | undefined): Promise<boolean> {
    const { nc, jsm, log, reconnects } = this.#connection;
    const reconnect = reconnects();
    if (this.#settledAt === reconnect) return true;
    const { stream, consumer } = this.#spec;
    try {
      const { config } = await withPatience(
        nc,
        `reading the lease of ${stream}`,
        () => jsm.consumers.info(stream, consumer),
        signal,
      );
      const foundMs = millis(config.ack_wait ?? 0);
      if (foundMs !== this.#ms && !(await this.#change(signal))) {
        log.warn(
          { stream, leaseMs: foundMs },
          "the lease of the queue is not this service's to change: it is taken as it is",
        );
        this.#ms = foundMs;
      }
    } catch (error) {
      if (SegueError.from(error).code === 'NOT_FOUND') return false;
      throw error;
    }
    this.#settledAt = reconnect;
    return true;
  }

  /** False where the server does not let this user. */
  async #change(signal: AbortSignal | undefined): Promise<boolean> {
    const { nc, jsm } = this.#connection;
    const { stream } = this.#spec;
    try {
      await withPatience(
        nc,
        `setting the lease of ${stream}`,
        () => jsm.consumers.add(stream, consumerConfig(this.#spec, this.#ms)),
        signal,
      );
      return true;
    } catch (error) {
      if (SegueError.from(error).code === 'PERMISSION_DENIED') return false;
      throw error;
    }
  }
}
