/**
 * What has to be undone at the end: named steps, stopped in reverse, each within its time.
 */
import { SegueError } from '@segue/core';

const defaultTimeoutMs = 20_000;

export class Steps {
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void>; readonly timeoutMs: number }[] = [];

  onStop(name: string, stop: () => Promise<void>, timeoutMs = defaultTimeoutMs): void {
    this.#stops.push({ name, stop, timeoutMs });
  }

  /** Newest first; a step that fails or takes too long is reported and the next one goes on. */
  async stopAll(onFailure: (failure: SegueError) => void): Promise<void> {
    for (let step = this.#stops.pop(); step; step = this.#stops.pop()) {
      try {
        await this.within(`stopping ${step.name}`, step.timeoutMs, step.stop());
      } catch (error) {
        onFailure(SegueError.from(error));
      }
    }
  }

  /** The work's result, or DEADLINE_EXCEEDED with the step's name. */
  async within<T>(name: string, timeoutMs: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new SegueError('DEADLINE_EXCEEDED', `${name} took longer than ${timeoutMs} ms`)),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
