/**
 * Requests by the hundred over one inbox: what publishing and acknowledging need. The library's own request makes an error, a timer and
 * an abort signal for each, which costs more than the message. An answer that does not come in time is UNAVAILABLE; nothing is sent again here.
 */
import { SegueError } from '@segue/core';
import { createInbox, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from 'nats';

interface Waiting {
  readonly subject: string;
  readonly deadlineAtMs: number;
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: SegueError) => void;
}

export class Requests {
  readonly #nc: NatsConnection;
  readonly #timeoutMs: number;
  readonly #inbox: string;
  /** By number of the request; all have the same patience, so the oldest is the first to run out of it. */
  readonly #waiting = new Map<string, Waiting>();
  #subscription: Subscription | null = null;
  #timer: NodeJS.Timeout | null = null;
  #count = 0;

  /** @param inboxPrefix where answers come to; undefined: to the common place */
  constructor(nc: NatsConnection, timeoutMs: number, inboxPrefix?: string) {
    this.#inbox = createInbox(inboxPrefix);
    this.#nc = nc;
    this.#timeoutMs = timeoutMs;
    void nc.closed().then(() => this.#rejectAll());
    void this.#followRefusals();
  }

  /** The first answer. UNAVAILABLE when none comes in time, when nobody listens, and when the connection is closed. */
  ask(subject: string, body: Uint8Array | string, headers?: MsgHdrs): Promise<Msg> {
    if (this.#nc.isClosed()) return Promise.reject(unavailable(subject, 'the connection is closed'));
    this.#subscription ??= this.#nc.subscribe(`${this.#inbox}.*`, {
      callback: (error, answer) => (error === null ? this.#settle(answer) : this.#giveUp(error)),
    });
    const number = String(this.#count++);
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { subject, deadlineAtMs: performance.now() + this.#timeoutMs, resolve, reject });
      try {
        const reply = `${this.#inbox}.${number}`;
        this.#nc.publish(subject, body, headers === undefined ? { reply } : { reply, headers });
      } catch (error) {
        this.#waiting.delete(number);
        reject(error);
        return;
      }
      this.#watch();
    });
  }

  /** The server ends the subscription: no answer can come. The next request asks for another one. */
  #giveUp(error: Error): void {
    this.#subscription = null;
    for (const { subject, reject } of this.#waiting.values()) {
      reject(new SegueError('PERMISSION_DENIED', `${subject}: its answer cannot come back (${error.message})`, error));
    }
    this.#waiting.clear();
  }

  #settle(answer: Msg): void {
    const number = answer.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    if (answer.data.length === 0 && answer.headers?.code === 503) {
      waiting.reject(unavailable(waiting.subject, 'nobody listens'));
    } else waiting.resolve(answer);
  }

  /** The server tells the connection, not the request, that a subject is forbidden. */
  async #followRefusals(): Promise<void> {
    for await (const status of this.#nc.status()) {
      const refused = status.type === 'error' ? status.permissionContext : undefined;
      if (refused?.operation !== 'publish') continue;
      for (const [number, { subject, reject }] of this.#waiting) {
        if (subject !== refused.subject) continue;
        this.#waiting.delete(number);
        reject(new SegueError('PERMISSION_DENIED', `${subject}: the server does not let this process publish here`));
      }
    }
  }

  #watch(): void {
    const oldest = this.#waiting.values().next().value;
    if (this.#timer !== null || oldest === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        const nowMs = performance.now();
        for (const [number, { subject, deadlineAtMs, reject }] of this.#waiting) {
          if (deadlineAtMs > nowMs) break;
          this.#waiting.delete(number);
          reject(unavailable(subject, `no answer within ${this.#timeoutMs} ms`));
        }
        this.#watch();
      },
      Math.max(1, oldest.deadlineAtMs - performance.now()),
    );
  }

  #rejectAll(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const { subject, reject } of this.#waiting.values()) reject(unavailable(subject, 'the connection is closed'));
    this.#waiting.clear();
  }
}

function unavailable(subject: string, why: string): SegueError {
  return new SegueError('UNAVAILABLE', `${subject}: ${why}`);
}
