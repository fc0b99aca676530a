/**
 * Performs calls one after the other, in the order they came, except that some let others pass until they begin. Knows nothing of what a
 * call does.
 */

interface Waiting {
  readonly letsPass: boolean;
  /** Settles the call's promise; never rejects. */
  run(): Promise<void>;
}

export class CallQueue {
  readonly #waiting: Waiting[] = [];
  #busy = false;

  /** @param letsPass calls that come later are performed first, as long as this one has not begun */
  perform<T>(work: () => Promise<T>, letsPass = false): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ letsPass, run: () => work().then(resolve, reject) });
      if (!this.#busy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      // A turn of the event loop: what was called while the last one ran is heard of before the next begins.
      await new Promise<void>((resolve) => setImmediate(resolve));
      const first = this.#waiting.findIndex(({ letsPass }) => !letsPass);
      const [call] = this.#waiting.splice(Math.max(0, first), 1);
      await call?.run();
    }
    this.#busy = false;
  }
}
