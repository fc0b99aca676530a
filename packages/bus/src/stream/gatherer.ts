/**
 * Gathers what is published at about the same time, so that it travels in one message: the first goes at the end of this turn with all that came
 * in it, and what comes while it is on its way goes together after it. Nothing waits for company. It knows nothing of messages.
 */

/** Bounds of one message, so that no batch has to travel in parts. */
const maxItems = 32;
const maxBytes = 256 * 1024;

export interface Gathered {
  /** Only what belongs to the same run travels together. */
  readonly runId: string;
  readonly body: Uint8Array;
}

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Gatherer<T extends Gathered> {
  readonly #send: (items: readonly T[]) => Promise<void>;
  readonly #waiting: Waiting<T>[] = [];
  #isSending = false;

  /** @param send resolves when all are kept; when it fails, each of them has failed */
  constructor(send: (items: readonly T[]) => Promise<void>) {
    this.#send = send;
  }

  /** Resolves when the message that holds it is kept. In order. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#isSending) return;
      this.#isSending = true;
      setImmediate(() => void this.#sendAll());
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#next();
      try {
        await this.#send(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isSending = false;
  }

  /** The first that wait, as many as fit one message; one alone always does. */
  #next(): Waiting<T>[] {
    const runId = this.#waiting[0]?.item.runId;
    let bytes = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      bytes += item.body.byteLength;
      if (count > 0 && (count >= maxItems || bytes > maxBytes || item.runId !== runId)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}
