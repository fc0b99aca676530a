/**
 * What has to be undone at the end: named steps, stopped in reverse, each within its time and all within theirs.
 */
import { SegueError } from '@segue/core';

/** The share of the time that is left which one step may take: the steps after it always have some. */
const shareOfStep = 0.75;

export class Steps {
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void>; readonly timeoutMs: number | null }[] =
    [];

  onStop(name: string, stop: () => Promise<void>, timeoutMs: number | null = null): void {
    this.#stops.push({ name, stop, timeoutMs });
  }

  /**
   * Newest first; a step that fails or takes too long is reported and the next one goes on.
   *
   * @param timeoutMs longest time for all of them
   */
  async stopAll(timeoutMs: number, onFailure: (failure: SegueError) => void): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    for (let step = this.#stops.pop(); step; step = this.#stops.pop()) {
      try {
        const shareMs = Math.round(shareOfStep * Math.max(0, untilMs - performance.now()));
        const ownMs = Math.min(step.timeoutMs ?? shareMs, shareMs);
        await this.within(`stopping ${step.name}`, ownMs, step.stop());
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
