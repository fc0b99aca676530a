/**
 * A delivered message that holds several values, each with a holder of its own. The message is acknowledged when every value is done; when one was
 * given back it comes again as a whole, and who was done with the others finds them done. No holder waits for another: one may hold them all and
 * go through them in turn.
 */
export interface MessageEnds {
  readonly ack: () => Promise<void>;
  readonly giveBack: (delayMs: number) => void;
}

/** The holder of one value of a message. */
export interface ValueHolder {
  readonly done: () => Promise<void>;
  readonly back: (delayMs: number) => void;
}

export class SharedDelivery {
  readonly #ends: MessageEnds;
  #left: number;
  /** Of the values that were given back, the longest delay; null while none was. */
  #delayMs: number | null = null;

  constructor(values: number, ends: MessageEnds) {
    this.#left = values;
    this.#ends = ends;
  }

  /** The ends of one value, of which the first that is called counts; an ack that fails may be tried again. */
  holder(): ValueHolder {
    let isSettled = false;
    return {
      done: async () => {
        if (isSettled) return;
        isSettled = true;
        try {
          await this.#done();
        } catch (error) {
          isSettled = false;
          this.#left++;
          throw error;
        }
      },
      back: (delayMs) => {
        if (isSettled) return;
        isSettled = true;
        this.#back(delayMs);
      },
    };
  }

  /** One value is done: resolves at once, for the last one when the message is acknowledged. */
  async #done(): Promise<void> {
    this.#left--;
    if (this.#left > 0) return;
    if (this.#delayMs === null) await this.#ends.ack();
    else this.#ends.giveBack(this.#delayMs);
  }

  /** One value is not done. */
  #back(delayMs: number): void {
    this.#left--;
    this.#delayMs = Math.max(this.#delayMs ?? 0, delayMs);
    if (this.#left === 0) this.#ends.giveBack(this.#delayMs);
  }
}
