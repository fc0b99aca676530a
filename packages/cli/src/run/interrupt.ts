/**
 * Ctrl-C: the first asks for an orderly end, the second ends at once. The supervisor alone handles it; its children live in process
 * groups of their own.
 */
import { SegueError } from '@segue/core';

/** A signal this soon after the first is the same one. */
const sameSignalMs = 1_000;

export class Interrupt {
  readonly #controller = new AbortController();
  readonly #handler: () => void;
  #count = 0;
  #firstAtMs = 0;

  /** @param onFirst what to tell the person */
  constructor(onFirst: () => void) {
    this.#handler = () => {
      // Without a terminal one Ctrl-C can arrive twice: from the process group and passed on by a parent.
      const sinceFirstMs = performance.now() - this.#firstAtMs;
      if (this.#count > 0 && sinceFirstMs < sameSignalMs) return;
      this.#count += 1;
      if (this.#count > 1) process.exit(130);
      this.#firstAtMs = performance.now();
      onFirst();
      this.#controller.abort(new SegueError('CANCELLED', 'interrupted'));
    };
    process.on('SIGINT', this.#handler);
    process.on('SIGTERM', this.#handler);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get requested(): boolean {
    return this.#count > 0;
  }

  /** Ends the wait as a person would, because of a failure. */
  abort(reason: SegueError): void {
    this.#controller.abort(reason);
  }

  close(): void {
    process.off('SIGINT', this.#handler);
    process.off('SIGTERM', this.#handler);
  }
}
