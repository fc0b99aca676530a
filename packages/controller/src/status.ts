/**
 * What the cluster does and waits for: answered from memory, so that it never blocks on a peer, and a watchdog that tells watchers, logs and metrics when
 * a wait lasts longer than usual.
 */
import type { Registration } from '@segue/bus';
import type { ClusterStatus } from '@segue/core';
import type { Cluster } from './cluster.js';
import type { Journal } from './journal.js';
import type { ControllerMetrics } from './metrics.js';
import type { Runs } from './runs.js';
import { type Waits, waitingOf } from './waits.js';

export interface WatchdogParts {
  readonly cluster: Cluster;
  readonly runs: Runs;
  readonly waits: Waits;
  readonly journal: Journal;
  readonly metrics: ControllerMetrics;
}

export class Watchdog {
  readonly #parts: WatchdogParts;
  #registered: readonly Registration[] = [];
  /** Kinds of waits that the gauge has shown: it is set back when they end. */
  readonly #shown = new Set<string>();

  constructor(parts: WatchdogParts) {
    this.#parts = parts;
  }

  /** @param runId empty: the run that is executed */
  status(runId: string): ClusterStatus {
    const { runs, waits } = this.#parts;
    const active = runId === '' || runs.active?.id === runId ? runs.active : null;
    const phase = active?.phase ?? { phase: 'idle', iteration: 0, sinceMs: 0 };
    return {
      runId: active?.id ?? runId,
      iteration: phase.iteration,
      phase: phase.phase,
      phaseSinceMs: phase.sinceMs,
      waiting: waits.list(runId),
      actors: this.#actors().map(({ id, address, running, slots, policyVersion, seenAtMs }) => {
        return { actorId: id, address, running, slots, policyVersion, seenAtMs };
      }),
      services: this.#registered.map(({ service, id, address, trouble = '' }) => ({ service, id, address, trouble })),
    };
  }

  /** One look: who is there, and what has been waited for too long. */
  async look(): Promise<void> {
    const { cluster, runs, waits, journal, metrics } = this.#parts;
    this.#registered = await cluster.bus.registrations();
    metrics.actors.set(this.#actors().length);
    this.#showWaits();
    for (const wait of waits.overdue(cluster.timings.waitingNoticeMs)) {
      const seconds = Math.round((Date.now() - wait.sinceMs) / 1000);
      const run = wait.run ?? runs.active?.id;
      cluster.log.warn({ ...waitingOf(wait), run }, `waiting for ${wait.what} for ${seconds} s`);
      if (run !== undefined) await journal.append(run, 'waiting', waitingOf(wait));
    }
  }

  #actors(): Registration[] {
    return this.#registered.filter((registration) => registration.service === 'actor');
  }

  #showWaits(): void {
    const gauge = this.#parts.metrics.waiting_seconds;
    const nowMs = Date.now();
    const oldestMs = new Map<string, number>();
    for (const { what, sinceMs } of this.#parts.waits.list()) {
      oldestMs.set(what, Math.max(oldestMs.get(what) ?? 0, nowMs - sinceMs));
    }
    for (const what of this.#shown) if (!oldestMs.has(what)) gauge.set({ what }, 0);
    for (const [what, ageMs] of oldestMs) {
      this.#shown.add(what);
      gauge.set({ what }, ageMs / 1000);
    }
  }
}
