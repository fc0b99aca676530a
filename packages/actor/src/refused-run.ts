/**
 * The run that this actor's engine cannot generate for (an inference server that cannot tell log-probs at the run's temperature, say): none of its
 * tasks are taken for a while, then a few are tried again, since a server may have been replaced. It knows nothing of queues and engines.
 */
import type { RefusedRun as RefusedRunStatus, SegueError } from '@segue/core';

/** How long no task of such a run is taken, in ms. */
const refusedForMs = 60_000;

export class RefusedRun {
  #refused: { readonly runId: string; readonly why: string; readonly atMs: number } | null = null;

  /** The engine has refused a task of the run. @returns whether that was not known */
  note(runId: string, error: SegueError, nowMs: number): boolean {
    const isNew = this.#refused?.runId !== runId;
    this.#refused = { runId, why: error.rawMessage, atMs: nowMs };
    return isNew;
  }

  /** Whether no task of the run is to be taken now. */
  isRefused(runId: string, nowMs: number): boolean {
    return this.#refused?.runId === runId && nowMs - this.#refused.atMs < refusedForMs;
  }

  /** What others are told; none when nothing is refused. */
  runs(nowMs: number): RefusedRunStatus[] {
    if (this.#refused === null) return [];
    const { runId, why } = this.#refused;
    return [{ runId, reason: why, isTried: !this.isRefused(runId, nowMs) }];
  }

  /** A chunk has had tokens of the run. While none of its tasks are taken, those are of what was taken before. */
  noteTokens(nowMs: number): void {
    if (this.#refused !== null && !this.isRefused(this.#refused.runId, nowMs)) this.forget();
  }

  /** The engine has generated for it after all, or another run has taken its place. */
  forget(): void {
    this.#refused = null;
  }

  /** For people; empty when nothing is refused. */
  get trouble(): string {
    if (this.#refused === null) return '';
    const { runId, why } = this.#refused;
    return `this actor's engine cannot generate for run ${runId}, whose tasks are left to others: ${why}`;
  }
}
