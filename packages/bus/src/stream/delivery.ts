/** A delivered message and the answers that JetStream takes to it. */
import { type Msg, nanos } from 'nats';
import { type Connection, fromNats } from './connection.js';

const ackTries = 3;

/** A message in hand, however it came there. */
export interface HeldMessage {
  readonly message: Pick<Msg, 'subject' | 'data'>;
  /** 1 at the first delivery. */
  readonly deliveryCount: number;
  /** Number of the message in its stream. */
  readonly sequence: number;
  header(name: string): string;
  extend(): void;
  giveBack(delayMs: number): void;
  /** Resolves when the server has taken it. */
  ack(): Promise<void>;
  /** Never to be delivered again. */
  terminate(): Promise<void>;
}

export class Delivery implements HeldMessage {
  readonly message: Msg;
  readonly #connection: Connection;

  constructor(connection: Connection, message: Msg) {
    this.#connection = connection;
    this.message = message;
  }

  get deliveryCount(): number {
    return deliveryCountOf(this.message.reply ?? '');
  }

  get sequence(): number {
    return sequenceOf(this.message.reply ?? '');
  }

  header(name: string): string {
    return this.message.headers?.get(name) ?? '';
  }

  extend(): void {
    this.#say('+WPI');
  }

  giveBack(delayMs: number): void {
    this.#say(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(delayMs) })}` : '-NAK');
  }

  ack(): Promise<void> {
    return this.#ask('+ACK');
  }

  terminate(): Promise<void> {
    return this.#ask('+TERM');
  }

  #say(answer: string): void {
    // On a closed connection the lease simply runs out.
    const { nc } = this.#connection;
    if (this.message.reply && !nc.isClosed()) nc.publish(this.message.reply, answer);
  }

  async #ask(answer: string): Promise<void> {
    const { nc, requests } = this.#connection;
    for (let number = 1; ; number++) {
      try {
        await requests.ask(this.message.reply ?? '', answer);
        return;
      } catch (error) {
        const failure = fromNats(error, `acknowledging ${this.message.subject}`);
        if (!failure.retryable || number >= ackTries || nc.isClosed()) throw failure;
      }
    }
  }
}

/**
 * The reply subject of a delivery counts it: `$JS.ACK.<stream>.<consumer>.<deliveries>...`, on newer servers with domain and
 * account in front of the stream.
 */
export function deliveryCountOf(reply: string): number {
  return Number(fieldOf(reply, 0) ?? 1);
}

/** The message's number in its stream comes after the count of deliveries. */
export function sequenceOf(reply: string): number {
  return Number(fieldOf(reply, 1) ?? 0);
}

function fieldOf(reply: string, index: number): string | undefined {
  const tokens = reply.split('.');
  return tokens[(tokens.length >= 11 ? 6 : 4) + index];
}
