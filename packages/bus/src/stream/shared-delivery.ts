/**
 * A delivered message that holds several values, each with a holder of its own. The message is acknowledged when every value is done; when one was
 * given back it comes again as a whole, and who was done with the others finds them done.
 */
export interface MessageEnds {
  readonly ack: () => Promise<void>;
  readonly giveBack: (delayMs: number) => void;
}

export class SharedDelivery {
  readonly #ends: MessageEnds;
  readonly #ended: Promise<void>;
  #end: (outcome: Promise<void>) => void = () => {};
  #left: number;
  /** Of the values that were given back, the longest delay; null while none was. */
  #delayMs: number | null = null;

  constructor(values: number, ends: MessageEnds) {
    this.#left = values;
    this.#ends = ends;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // Those who gave theirs back do not wait for it.
    this.#ended.catch(() => {});
  }

  /** One value is done: resolves when nobody holds the message any more. */
  done(): Promise<void> {
    this.#settle();
    return this.#ended;
  }

  /** One value is not done. */
  back(delayMs: number): void {
    this.#delayMs = Math.max(this.#delayMs ?? 0, delayMs);
    this.#settle();
  }

  #settle(): void {
    this.#left--;
    if (this.#left > 0) return;
    if (this.#delayMs === null) return this.#end(this.#ends.ack());
    this.#ends.giveBack(this.#delayMs);
    this.#end(Promise.resolve());
  }
}
