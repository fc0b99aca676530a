/**
 * What an actor counts for its heartbeat and for GetActorStatus. Slot time is counted exactly: a slot is busy while its sequence gets tokens
 * or is prefilled.
 */
import { type ChunkReport, type EngineTimes, noEngineTimes, withChunk } from '@segue/core';

/** Slot time of a chunk. @param sequences that ran in it */
export function busySlotMsOf(report: ChunkReport, sequences: number): number {
  // The mean number of sequences per step is tokens / steps: those that ended inside the chunk count up to their end.
  const decodeMs = report.durationMs - report.prefillMs;
  const decoded = report.steps > 0 ? (decodeMs * report.tokens) / report.steps : 0;
  return decoded + report.prefillMs * sequences;
}

/** Iterations whose sums are kept. */
const keptIterations = 2;

/** Busy slot time in ms and where the engine spent its time, per `<run>/<iteration>`. */
export class ChunkSums {
  readonly #busySlotMs = new Map<string, number>();
  readonly #engineTimes = new Map<string, EngineTimes>();
  readonly #firstTokenAtMs = new Map<string, number>();

  /**
   * @param sequences that ran in the chunk, prefill included
   * @param share part of them that belongs to the iteration
   */
  add(name: string, report: ChunkReport, sequences: number, share: number): void {
    const ms = share * busySlotMsOf(report, sequences);
    this.#busySlotMs.set(name, (this.#busySlotMs.get(name) ?? 0) + ms);
    this.#engineTimes.set(name, withChunk(this.#engineTimes.get(name) ?? noEngineTimes, report, share));
    if (report.tokens > 0 && !this.#firstTokenAtMs.has(name)) this.#firstTokenAtMs.set(name, Date.now());
    const oldest = this.#busySlotMs.keys().next().value;
    if (this.#busySlotMs.size <= keptIterations || oldest === undefined) return;
    this.#busySlotMs.delete(oldest);
    this.#engineTimes.delete(oldest);
    this.#firstTokenAtMs.delete(oldest);
  }

  get busySlotMs(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#busySlotMs].map(([name, ms]) => [name, Math.round(ms)]));
  }

  /** Unix time of the end of the first chunk that had tokens. */
  get firstTokenAtMs(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#firstTokenAtMs);
  }

  get engineTimes(): Readonly<Record<string, EngineTimes>> {
    return Object.fromEntries(this.#engineTimes);
  }
}

/** Since the start, for GetActorStatus. */
export interface Totals {
  generatedTokens: number;
  reprefilledTokens: number;
}
