/**
 * A work queue of one kind of message: publish, take or consume under lease, count, and take out a run's messages.
 * Delivery is at least once; what makes that harmless is the store's compare-and-append.
 */

import { SegueError } from '@segue/core';
import { headers } from 'nats';
import { pause } from '../abort.js';
import { currentTrace, formatTraces, readTraces, traceHeader } from '../tracing.js';
import type { Delivered, Lease, QueueDepth, TakeOptions } from './bus.js';
import { checksum, decodeBodies, encodeBodies, encodeBody, type OpenBody } from './codec.js';
import { type Connection, fromNats, publishToStream, withPatience } from './connection.js';
import type { DeadLetters } from './dead-letters.js';
import { Delivery } from './delivery.js';
import { countMessages, deliveredSequences, nextMessage, readForgotten } from './forgotten.js';
import { Gatherer } from './gatherer.js';
import { LeaseTime } from './lease-time.js';
import type { Format } from './messages.js';
import type { Outgoing, Parcel } from './outgoing.js';
import { formatPart, PartJoiner, partHeader, splitBody, type WholeMessage } from './parts.js';
import { type PullResult, pull } from './pull.js';
import { Returns } from './returns.js';
import { SharedDelivery, type ValueHolder } from './shared-delivery.js';
import { checksumHeader, type QueueSpec } from './subjects.js';
import { UnreadableMessages } from './unreadable.js';

/** Publishes on the way at once: more gains nothing. */
const publishWindow = 64;
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
  readonly #deadLetters: DeadLetters;
  readonly #returns: Returns;
  readonly #joiner = new PartJoiner();
  readonly #gatherer: Gatherer<Parcel>;
  readonly #leaseTime: LeaseTime;
  readonly #unreadable: UnreadableMessages;

  constructor(connection: Connection, spec: QueueSpec, format: Format<T>, deadLetters: DeadLetters, leaseMs?: number) {
    this.#connection = connection;
    this.#spec = spec;
    this.#format = format;
    this.#deadLetters = deadLetters;
    this.#leaseTime = new LeaseTime(connection, spec, leaseMs);
    this.#returns = new Returns(connection, spec.stream);
    this.#unreadable = new UnreadableMessages(connection, spec.stream);
    this.#gatherer = new Gatherer((parcels) => this.#send(parcels));
  }

  /** In order; resolves when the stream has all. */
  async publish(messages: readonly Outgoing<T>[]): Promise<void> {
    for (let at = 0; at < messages.length; at += publishWindow) {
      await Promise.all(messages.slice(at, at + publishWindow).map((message) => this.#publishOne(message)));
    }
  }

  #publishOne({ value, ...address }: Outgoing<T>): Promise<void> {
    const trace = address.trace ?? currentTrace() ?? undefined;
    const parcel = { ...address, trace, body: encodeBody(this.#format.write(value)) };
    return this.#spec.gathers ? this.#gatherer.add(parcel) : this.#send([parcel]);
  }

  /** Sends parcels of one run as one message. */
  async #send(parcels: readonly Parcel[]): Promise<void> {
    const [first] = parcels;
    if (first === undefined) return;
    const subject = `${this.#spec.prefix}.${first.runId}.${first.trajectoryId}`;
    const body = encodeBodies(parcels.map((parcel) => parcel.body));
    const sum = checksum(body);
    const id = parcels.length === 1 ? first.id : `${first.id}-and-${parcels.length - 1}-${sum}`;
    const parts = splitBody(body);
    const traces = formatTraces(parcels.map((parcel) => parcel.trace ?? null));
    await Promise.all(
      parts.map((part, index) => {
        const fields = headers();
        fields.set(checksumHeader, sum);
        if (traces !== '') fields.set(traceHeader, traces);
        if (parts.length > 1) fields.set(partHeader, formatPart(index, parts.length, `${id} ${sum}`));
        const messageId = parts.length > 1 ? `${id}-p${index}` : id;
        return withPatience(this.#connection.nc, `publishing to ${subject}`, () =>
          publishToStream(this.#connection, subject, part, fields, messageId),
        );
      }),
    ).catch(async (error: unknown) => {
      throw await this.#connection.explain(error);
    });
  }

  /** What is there at once, else the first that comes within `waitMs` and what came with it. */
  async take(max: number, { waitMs, signal }: TakeOptions): Promise<Lease<T>[]> {
    const deadlineAtMs = performance.now() + waitMs;
    const leftMs = () => Math.max(0, Math.ceil(deadlineAtMs - performance.now()));
    for (let pauseMs = firstRefusalPauseMs; ; ) {
      const deliveries = await this.#pull(max, leftMs(), signal);
      const leases = await this.#open(deliveries);
      if (leases.length > 0 || leftMs() === 0 || signal?.aborted) return leases;
      // Nothing before its time: the server did not take the pull.
      if (deliveries.length > 0) continue;
      await pause(Math.min(pauseMs, leftMs()), signal);
      pauseMs = Math.min(2 * pauseMs, longestRefusalPauseMs);
    }
  }

  /** @param whenIdle is done each time that nothing has come for a while */
  async *consume(signal: AbortSignal, whenIdle: () => Promise<void>): AsyncGenerator<Lease<T>, void, void> {
    while (!signal.aborted) {
      const taken = await this.#takeUnless(signal);
      // Nothing comes: a look at what the server keeps and does not deliver. The taker knows whether it has it.
      const leases = taken.length > 0 || signal.aborted ? taken : await this.#leaseForgotten();
      if (leases.length === 0 && !signal.aborted) await whenIdle();
      let yielded = 0;
      try {
        for (const lease of leases) {
          if (signal.aborted) return;
          yielded++;
          yield lease;
        }
      } finally {
        for (const lease of leases.slice(yielded)) lease.giveBack();
      }
    }
  }

  /** Nothing, instead of an error, when the signal (or the end of the bus) came in between. */
  async #takeUnless(signal: AbortSignal): Promise<Lease<T>[]> {
    try {
      return await this.take(consumeBatch, { waitMs: consumeWaitMs, signal });
    } catch (error) {
      if (signal.aborted) return [];
      throw error;
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
      const joiner = new PartJoiner();
      const leases: Lease<T>[] = [];
      for (const delivery of found) {
        const whole = joiner.add(delivery);
        if (whole) leases.push(...(await this.#leases(whole)));
      }
      // It was acknowledged as a whole, and its other parts are gone.
      for (const part of joiner.takeOrphans(0)) await part.ack();
      return leases;
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

  async #open(deliveries: readonly Delivery[]): Promise<Lease<T>[]> {
    const leases: Lease<T>[] = [];
    for (const delivery of deliveries) {
      const whole = this.#joiner.add(delivery);
      if (whole) leases.push(...(await this.#leases(whole)));
    }
    for (const orphan of this.#joiner.takeOrphans()) {
      await this.#discard({ deliveries: [orphan], body: orphan.message.data }, 'the other parts did not come');
    }
    return leases;
  }

  /** A lease for each value of a message. What cannot be used goes to the dead letters. */
  async #leases(whole: WholeMessage): Promise<Lease<T>[]> {
    const { deliveries, body } = whole;
    const [first] = deliveries;
    const deliveryCount = Math.max(...deliveries.map((delivery) => delivery.deliveryCount));
    const { maxDeliveries } = this.#spec;
    const lostDeliveries = async () => {
      const lost = await Promise.all(deliveries.map((delivery) => this.#returns.lostBefore(delivery)));
      return Math.max(...lost);
    };
    if (maxDeliveries !== null && deliveryCount > maxDeliveries) {
      // A server that does not answer says nothing against the message: it is handed out.
      const lost = await lostDeliveries().catch(() => 0);
      if (lost >= maxDeliveries) {
        await this.#discard(whole, `delivered ${maxDeliveries} times without an ack`);
        return [];
      }
    }
    // What is delivered for the first time, nothing was said of.
    if (maxDeliveries !== null) {
      for (const delivery of deliveries) if (delivery.deliveryCount > 1) this.#returns.taken(delivery);
    }
    const ends = {
      ack: async () => void (await Promise.all(deliveries.map((delivery) => delivery.ack()))),
      giveBack: (delayMs: number) => {
        for (const delivery of deliveries) {
          // Where nobody counts deliveries nobody asks which were lost.
          if (maxDeliveries !== null) this.#returns.note(delivery);
          delivery.giveBack(delayMs);
        }
      },
    };
    const about = {
      deliveryCount,
      lostDeliveries,
      leaseMs: this.#leaseTime.ms,
      extend: () => {
        for (const delivery of deliveries) delivery.extend();
      },
      hold: () => {
        for (const delivery of deliveries) this.#returns.hold(delivery);
      },
      begin: async () => void (await Promise.all(deliveries.map((delivery) => this.#returns.begin(delivery)))),
      lose: () => {
        for (const delivery of deliveries) delivery.giveBack(0);
      },
      excuse: () => {
        for (const delivery of deliveries) this.#returns.note(delivery);
      },
    };
    let bodies: OpenBody[];
    try {
      bodies = decodeBodies(body, first?.header(checksumHeader) ?? '');
    } catch (error) {
      await this.#discard(whole, SegueError.from(error).message);
      return [];
    }
    const shared = new SharedDelivery(bodies.length, ends);
    const leases: Lease<T>[] = [];
    const traces = readTraces(first?.header(traceHeader) ?? '', bodies.length);
    for (const [i, one] of bodies.entries()) {
      const holder = shared.holder();
      const discard = (reason: string) =>
        bodies.length === 1 ? this.#discard(whole, reason) : this.#discardOne(whole, one, holder, reason);
      try {
        const value = this.#format.read(one.fields());
        leases.push({
          ...about,
          value,
          trace: traces[i] ?? null,
          ack: holder.done,
          giveBack: (ms = 0) => holder.back(ms),
          discard,
        });
      } catch (error) {
        await discard(SegueError.from(error).message);
      }
    }
    return leases;
  }

  /** One value of several: the message goes on without it. */
  async #discardOne(whole: WholeMessage, one: OpenBody, holder: ValueHolder, reason: string): Promise<void> {
    const subject = whole.deliveries[0]?.message.subject ?? '';
    try {
      const { body } = one;
      const letter = { subject, reason, atMs: Date.now(), body, bodyBytes: body.byteLength, checksum: checksum(body) };
      await this.#deadLetters.add(this.#spec.stream, letter);
    } catch (error) {
      holder.back(0);
      throw error;
    }
    await holder.done();
  }

  async #discard({ deliveries, body }: WholeMessage, reason: string): Promise<void> {
    const subject = deliveries[0]?.message.subject ?? '';
    // A letter has to fit one message; a large body is kept as far as it does.
    const [kept] = splitBody(body);
    await this.#deadLetters.add(this.#spec.stream, {
      subject,
      reason,
      atMs: Date.now(),
      body: kept ?? body,
      bodyBytes: body.byteLength,
      checksum: deliveries[0]?.header(checksumHeader) ?? '',
    });
    await Promise.all(deliveries.map((delivery) => delivery.terminate()));
  }
}
