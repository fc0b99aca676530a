/**
 * A doorbell between two loops of one process: who waits is woken by the next ring, and a ring while nobody waits is
 * kept.
 */
export class Wake {
  #rung = false;
  #waiting: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#waiting?.();
  }

  /**
   * Resolves at the next ring, or at once when one was kept: true; false when `timeoutMs` passed first. One waiter at a
   * time.
   */
  async wait(timeoutMs?: number): Promise<boolean> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = timeoutMs === undefined ? undefined : setTimeout(resolve, timeoutMs);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#waiting = null;
    }
    const rung = this.#rung;
    this.#rung = false;
    return rung;
  }
}

/** Lets any number of waiters sleep until a condition holds; `check` looks again after every change. */
export class Condition {
  readonly #waiters = new Set<() => void>();

  /** Something changed. */
  check(): void {
    for (const look of [...this.#waiters]) look();
  }

  /** Resolves when `holds` does: true, or false when `timeoutMs` passed first. */
  until(holds: () => boolean, timeoutMs?: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (value: boolean) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        resolve(value);
      };
      const look = () => {
        if (holds()) end(true);
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => end(false), timeoutMs);
      this.#waiters.add(look);
    });
  }
}
