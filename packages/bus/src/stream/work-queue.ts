/**
 * A work queue of one kind of message: publish, take or consume under lease, count, and take out a run's messages. How a value becomes a message is
 * publisher.ts, how a message becomes leases opener.ts. Delivery is at least once; what makes that harmless is the store's compare-and-append.
 */

import { SegueError } from '@segue/core';
import { pause } from '../abort.js';
import type { Delivered, Lease, QueueDepth, TakeOptions } from './bus.js';
import { decodeBodies } from './codec.js';
import { type Connection, fromNats, withPatience } from './connection.js';
import type { DeadLetters } from './dead-letters.js';
import { Delivery } from './delivery.js';
import { countMessages, deliveredSequences, nextMessage, readForgotten } from './forgotten.js';
import { LeaseTime } from './lease-time.js';
import type { Format } from './messages.js';
import { Opener } from './opener.js';
import type { Outgoing } from './outgoing.js';
import { Publisher } from './publisher.js';
import { type PullResult, pull } from './pull.js';
import { Returns } from './returns.js';
import { checksumHeader, type QueueSpec } from './subjects.js';
import { UnreadableMessages } from './unreadable.js';

/** Messages that are read at once. */
const readWindow = 64;
const consumeBatch = 64;
const consumeWaitMs = 5_000;
const missingPauseMs = 500;
/** After a pull that was refused; doubles while they are. */
const firstRefusalPauseMs = 10;
const longestRefusalPauseMs = 500;

export class WorkQueue<T> {
  readonly #connection: Connection;
  readonly #spec: QueueSpec;
  readonly #format: Format<T>;
  readonly #returns: Returns;
  readonly #leaseTime: LeaseTime;
  readonly #publisher: Publisher<T>;
  readonly #opener: Opener<T>;
  readonly #unreadable: UnreadableMessages;

  constructor(connection: Connection, spec: QueueSpec, format: Format<T>, deadLetters: DeadLetters, leaseMs?: number) {
    this.#connection = connection;
    this.#spec = spec;
    this.#format = format;
    this.#leaseTime = new LeaseTime(connection, spec, leaseMs);
    this.#returns = new Returns(connection, spec.stream);
    this.#unreadable = new UnreadableMessages(connection, spec.stream);
    this.#publisher = new Publisher(connection, spec, format);
    this.#opener = new Opener({ spec, format, deadLetters, returns: this.#returns, leaseTime: this.#leaseTime });
  }

  /** In order; resolves when the stream has all. */
  publish(messages: readonly Outgoing<T>[]): Promise<void> {
    return this.#publisher.publish(messages);
  }

  /** What is there at once, else the first that comes within `waitMs` and what came with it. */
  take(max: number, options: TakeOptions): Promise<Lease<T>[]> {
    return this.#untilThere(max, options, (deliveries) => this.#opener.open(deliveries));
  }

  /** @param open answers what of the deliveries counts: where nothing does, more are waited for */
  async #untilThere<R>(
    max: number,
    { waitMs, signal }: TakeOptions,
    open: (deliveries: Delivery[]) => Promise<R[]>,
  ): Promise<R[]> {
    const deadlineAtMs = performance.now() + waitMs;
    const leftMs = () => Math.max(0, Math.ceil(deadlineAtMs - performance.now()));
    for (let pauseMs = firstRefusalPauseMs; ; ) {
      const deliveries = await this.#pull(max, leftMs(), signal);
      const found = await open(deliveries);
      if (found.length > 0 || leftMs() === 0 || signal?.aborted) return found;
      // Nothing before its time: the server did not take the pull.
      if (deliveries.length > 0) continue;
      await pause(Math.min(pauseMs, leftMs()), signal);
      pauseMs = Math.min(2 * pauseMs, longestRefusalPauseMs);
    }
  }

  /**
   * A message is opened when those before it were taken: what many gathered messages hold would fill the young generation, and each collection copy it.
   * @param whenIdle is done each time that nothing has come for a while
   */
  async *consume(signal: AbortSignal, whenIdle: () => Promise<void>): AsyncGenerator<Lease<T>, void, void> {
    const options = { waitMs: consumeWaitMs, signal };
    let quietSinceMs = performance.now();
    while (!signal.aborted) {
      const deliveries = await unlessEnded(signal, () =>
        this.#untilThere(consumeBatch, options, async (deliveries) => deliveries),
      );
      // Parts whose others do not come are delivered again and again, and nobody takes anything.
      const isIdle = !signal.aborted && performance.now() - quietSinceMs >= consumeWaitMs;
      // Nothing comes: a look at what the server keeps and does not deliver. The taker knows whether it has it.
      let leases = isIdle ? await this.#leaseForgotten() : [];
      if (isIdle && leases.length === 0 && !signal.aborted) await whenIdle();
      if (isIdle) quietSinceMs = performance.now();
      let opened = 0;
      let yielded = 0;
      try {
        for (;;) {
          for (const lease of leases) {
            if (signal.aborted) return;
            yielded++;
            yield lease;
            quietSinceMs = performance.now();
          }
          const next = deliveries[opened];
          if (next === undefined || signal.aborted) break;
          opened++;
          leases = await unlessEnded(signal, () => this.#opener.open([next]));
          yielded = 0;
        }
      } finally {
        for (const lease of leases.slice(yielded)) lease.giveBack();
        for (const delivery of deliveries.slice(opened)) delivery.giveBack(0);
      }
    }
  }

  /** What waits and what is leased. Tasks that are delivered to nobody any more are taken out on the way. */
  async depth(): Promise<QueueDepth> {
    try {
      // The consumer's own count of waiting messages drifts on old servers; what is neither leased nor forgotten waits.
      const { messages, leased, forgotten, leaseMs } = await countMessages(this.#connection.jsm, this.#spec);
      if (forgotten > 0 && this.#spec.isDerived) {
        for (const message of await readForgotten(this.#connection, this.#spec)) await message.terminate();
      }
      return { pending: Math.max(0, messages - forgotten - leased), leased, leaseMs };
    } catch (error) {
      throw fromNats(error, `reading ${this.#spec.stream}`);
    }
  }

  /** Leases of what the server keeps and will not deliver, whose ack takes it out. None when the server does not answer. */
  async #leaseForgotten(): Promise<Lease<T>[]> {
    const { log } = this.#connection;
    const { stream } = this.#spec;
    try {
      const found = await readForgotten(this.#connection, this.#spec);
      if (found.length === 0) return [];
      log.warn({ stream, messages: found.length }, 'the server came back with messages that it had acknowledged');
      return await this.#opener.openForgotten(found);
    } catch (error) {
      log.warn(
        { stream, error: fromNats(error, `reading ${stream}`).message },
        'the queue could not be looked through',
      );
      return [];
    }
  }

  /** Takes out what the server counts and can give to nobody, once it has shown that for a while. Answers how many messages that were. */
  removeUnreadable(): Promise<number> {
    return this.#unreadable.remove();
  }

  /** Takes out all that the server has, whether it can read it or not; leases are gone with it. */
  async empty(): Promise<void> {
    const { nc, jsm } = this.#connection;
    const { stream } = this.#spec;
    await withPatience(nc, `emptying ${stream}`, () => jsm.streams.purge(stream));
  }

  /**
   * Takes a run's messages out, leased or not; answers how many. One by one: a purge by subject makes nats-server 2.9
   * forget the leases of all other messages too, and those are never delivered again.
   */
  async purge(runId: string): Promise<number> {
    const { nc, jsm } = this.#connection;
    const subject = `${this.#spec.prefix}.${runId}.*`;
    const deletions: Promise<boolean>[] = [];
    for (let seq = 1; ; seq++) {
      const query = { seq, next_by_subj: subject };
      const next = await withPatience(nc, `purging ${subject}`, () => nextMessage(jsm, this.#spec.stream, query));
      if (next === null) break;
      seq = next.seq;
      deletions.push(
        withPatience(nc, `purging ${subject}`, () =>
          jsm.streams.deleteMessage(this.#spec.stream, next.seq, false),
        ).catch(
          // Acknowledged in between.
          () => false,
        ),
      );
    }
    const deleted = await Promise.all(deletions);
    return deleted.filter(Boolean).length;
  }

  /**
   * A run's messages that were delivered and not acknowledged, whoever has them, but for those of which no delivery is or would be lost; those alone
   * that this version can read.
   */
  async delivered(runId: string): Promise<Delivered<T>[]> {
    const { nc, jsm } = this.#connection;
    const { stream, prefix } = this.#spec;
    const found: Delivered<T>[] = [];
    const what = `reading ${stream}`;
    const sequences = await withPatience(nc, what, () => deliveredSequences(jsm, this.#spec));
    if (sequences.length === 0) return found;
    const deliveriesOf = await this.#returns.deliveries();
    const mayBeLost = sequences.filter((seq) => deliveriesOf(seq).lostBefore > 0 || deliveriesOf(seq).isNewestLost);
    for (let at = 0; at < mayBeLost.length; at += readWindow) {
      const messages = await Promise.all(
        mayBeLost
          .slice(at, at + readWindow)
          .map((seq) => withPatience(nc, what, () => nextMessage(jsm, stream, { seq }))),
      );
      for (const message of messages) {
        // Acknowledged in between, or of another run.
        if (!message?.subject.startsWith(`${prefix}.${runId}.`)) continue;
        try {
          for (const one of decodeBodies(message.data, message.header.get(checksumHeader))) {
            found.push({ ...deliveriesOf(message.seq), value: this.#format.read(one.fields()) });
          }
        } catch {
          // Whoever takes it puts it among the dead letters.
        }
      }
    }
    return found;
  }

  async #pull(max: number, waitMs: number, signal: AbortSignal | undefined): Promise<Delivery[]> {
    const { nc, log, inboxPrefix } = this.#connection;
    const { stream, consumer } = this.#spec;
    if (nc.isClosed()) throw new SegueError('CANCELLED', `${stream}: the bus is closed`);
    const isThere = await this.#leaseTime.settle(signal).catch((error: unknown) => {
      if (signal?.aborted) return null;
      throw error;
    });
    if (isThere === null) return [];
    const result: PullResult = isThere
      ? await pull(nc, { stream, consumer, max, waitMs, signal, inboxPrefix })
      : { kind: 'missing' };
    if (result.kind === 'messages') return result.messages.map((message) => new Delivery(this.#connection, message));
    log.warn({ stream, consumer }, 'the queue is not there yet');
    this.#leaseTime.forget();
    await pause(missingPauseMs, signal);
    return [];
  }
}

/** Nothing, instead of an error, when the signal (or the end of the bus) came in between. */
async function unlessEnded<R>(signal: AbortSignal, find: () => Promise<R[]>): Promise<R[]> {
  try {
    return await find();
  } catch (error) {
    if (signal.aborted) return [];
    throw error;
  }
}
