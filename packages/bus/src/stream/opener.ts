/**
 * Opens what a queue has delivered: parts are joined, checksum and body are read, and each value of a message becomes a lease of its own. What nobody can use
 * goes to the dead letters, and so does what was lost with its takers too often. How messages come here is no business of this file.
 */
import { SegueError } from '@segue/core';
import { readTraces, traceHeader } from '../tracing.js';
import type { Lease } from './bus.js';
import { checksum, decodeBodies, type OpenBody } from './codec.js';
import type { DeadLetters } from './dead-letters.js';
import type { HeldMessage } from './delivery.js';
import type { LeaseTime } from './lease-time.js';
import type { Format } from './messages.js';
import { PartJoiner, splitBody, type WholeMessage } from './parts.js';
import type { Returns } from './returns.js';
import { SharedDelivery, type ValueHolder } from './shared-delivery.js';
import { checksumHeader, type QueueSpec } from './subjects.js';

/** What an opener works with: its queue's own. */
export interface OpenerParts<T> {
  readonly spec: QueueSpec;
  readonly format: Format<T>;
  readonly deadLetters: DeadLetters;
  readonly returns: Returns;
  readonly leaseTime: LeaseTime;
}

export class Opener<T> {
  readonly #spec: QueueSpec;
  readonly #format: Format<T>;
  readonly #deadLetters: DeadLetters;
  readonly #returns: Returns;
  readonly #leaseTime: LeaseTime;
  readonly #joiner = new PartJoiner();

  constructor({ spec, format, deadLetters, returns, leaseTime }: OpenerParts<T>) {
    this.#spec = spec;
    this.#format = format;
    this.#deadLetters = deadLetters;
    this.#returns = returns;
    this.#leaseTime = leaseTime;
  }

  /** Parts wait here for the others; those whose others do not come in time go to the dead letters. */
  async open(deliveries: readonly HeldMessage[]): Promise<Lease<T>[]> {
    const leases: Lease<T>[] = [];
    for (const delivery of deliveries) {
      if (this.#joiner.hasEnded(delivery)) {
        await endCopies([delivery]);
        continue;
      }
      const whole = this.#joiner.add(delivery);
      if (whole) leases.push(...(await this.#leases(whole)));
    }
    for (const orphan of this.#joiner.takeOrphans()) {
      const part = { deliveries: [orphan], body: orphan.message.data, key: null };
      await this.#discard(part, 'the other parts did not come');
    }
    return leases;
  }

  /** Of messages that were acknowledged before and are there again: nothing more comes to them. */
  async openForgotten(found: readonly HeldMessage[]): Promise<Lease<T>[]> {
    const joiner = new PartJoiner();
    const leases: Lease<T>[] = [];
    for (const delivery of found) {
      const whole = joiner.add(delivery);
      if (whole) leases.push(...(await this.#leases(whole)));
    }
    // It was acknowledged as a whole, and its other parts are gone.
    for (const part of joiner.takeOrphans(0)) await part.ack();
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
      ack: async () => {
        await Promise.all(deliveries.map((delivery) => delivery.ack()));
        await endCopies(this.#joiner.end(whole));
      },
      giveBack: (delayMs: number) => {
        for (const delivery of deliveries) {
          // Where nobody counts deliveries nobody asks which were lost.
          if (maxDeliveries !== null) this.#returns.note(delivery);
          delivery.giveBack(delayMs);
        }
      },
    };
    const extend = () => {
      for (const delivery of deliveries) delivery.extend();
    };
    const hold = () => {
      for (const delivery of deliveries) this.#returns.hold(delivery);
    };
    const begin = async () => void (await Promise.all(deliveries.map((delivery) => this.#returns.begin(delivery))));
    const lose = () => {
      for (const delivery of deliveries) delivery.giveBack(0);
    };
    const excuse = () => {
      for (const delivery of deliveries) this.#returns.note(delivery);
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
        // Field by field: what is spread in front of other fields gets a shape of its own each time, which is slow to make and to read.
        leases.push({
          value,
          trace: traces[i] ?? null,
          deliveryCount,
          lostDeliveries,
          hold,
          begin,
          leaseMs: this.#leaseTime.ms,
          extend,
          ack: holder.done,
          giveBack: (ms = 0) => holder.back(ms),
          lose,
          excuse,
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

/** Copies of parts of what was acknowledged. One for which the server has no answer comes again. */
async function endCopies(copies: readonly HeldMessage[]): Promise<void> {
  await Promise.all(copies.map((copy) => copy.ack().catch(() => undefined)));
}
