/**
 * Share of slot time in a rollout phase in which actors generated nothing: 1 - (busy slot time) / (slot time), over all actors that
 * answered. Slots are sampled at every look at the iteration and held until the next, so it is an estimate whose error shrinks with the length of the
 * phase. A slot that a shorter plan leaves empty counts as idle.
 */
import type { ActorStatus } from '@segue/core';

export class IdleMeter {
  #busyMs = 0;
  #slotMs = 0;
  #last: { readonly atMs: number; readonly busy: number; readonly slots: number } | null = null;

  /** Takes a sample. @param statuses of the actors that answered */
  sample(statuses: readonly Pick<ActorStatus, 'running' | 'slots'>[], nowMs = Date.now()): void {
    if (this.#last !== null) {
      const elapsedMs = nowMs - this.#last.atMs;
      this.#busyMs += this.#last.busy * elapsedMs;
      this.#slotMs += this.#last.slots * elapsedMs;
    }
    const slots = statuses.reduce((sum, status) => sum + status.slots, 0);
    const busy = statuses.reduce((sum, status) => sum + Math.min(status.running, status.slots), 0);
    this.#last = { atMs: nowMs, busy, slots };
  }

  /** 0 when there was nothing to measure. */
  get idleShare(): number {
    return this.#slotMs === 0 ? 0 : 1 - this.#busyMs / this.#slotMs;
  }
}
