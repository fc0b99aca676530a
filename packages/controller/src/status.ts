/**
 * What the cluster does and waits for: answered from memory, so that it never blocks on a peer, and a watchdog that tells watchers, logs and metrics when
 * a wait lasts longer than usual.
 */
import type { Registration } from '@segue/bus';
import { type ClusterStatus, phases, type QueueReport, SegueError } from '@segue/core';
import type { Cluster } from './cluster.js';
import { faultsOf } from './faults.js';
import type { Journal } from './journal.js';
import type { ControllerMetrics } from './metrics.js';
import type { Runs } from './runs.js';
import { type Waits, waitingOf, waitKinds } from './waits.js';

/** Between two looks at queues and faults, in ms. */
const reportMs = 2_000;

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
  /** The run that was executed last. */
  #countedRun: string | null = null;
  #counted: Pick<ClusterStatus, 'faults' | 'runsRetired'> = { faults: {}, runsRetired: 0 };
  #queues: readonly QueueReport[] = [];
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #lookedAtMs = performance.now();

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
      ...this.#counted,
      queues: this.#queues,
    };
  }

  /** One look: who is there, and what has been waited for too long. */
  async look(): Promise<void> {
    const { cluster, runs, waits, journal, metrics } = this.#parts;
    this.#registered = await cluster.bus.registrations();
    metrics.actors.set(this.#actors().length);
    this.#showWaits();
    this.#showPhase();
    await this.#report();
    for (const wait of waits.overdue(cluster.timings.waitingNoticeMs)) {
      const seconds = Math.round((Date.now() - wait.sinceMs) / 1000);
      const run = wait.run ?? runs.active?.id;
      metrics.waits_overdue_total.inc({ what: wait.what });
      const owner = wait.from === '' ? '' : ` from ${wait.from}`;
      cluster.log.warn({ ...waitingOf(wait), run }, `waiting for ${wait.count} ${wait.what}${owner} for ${seconds} s`);
      if (run !== undefined) await journal.append(run, 'waiting', waitingOf(wait));
    }
  }

  /** Reads what the status shows of queue and store, from time to time; what cannot be read stays as it was. */
  async #report(): Promise<void> {
    const { cluster, runs, metrics } = this.#parts;
    if (performance.now() - this.#reportedAtMs < reportMs) return;
    this.#reportedAtMs = performance.now();
    try {
      const depths = await cluster.bus.queueDepths();
      this.#queues = Object.entries(depths).map(([queue, { pending, leased }]) => ({ queue, pending, leased }));
      for (const { queue, pending, leased } of this.#queues) {
        metrics.queue_messages.set({ queue, state: 'pending' }, pending);
        metrics.queue_messages.set({ queue, state: 'leased' }, leased);
      }
      this.#countedRun = runs.active?.id ?? this.#countedRun ?? (await newestRun(cluster));
      this.#counted = await faultsOf(cluster, this.#countedRun);
    } catch (error) {
      cluster.log.warn({ error: SegueError.from(error).message }, 'queues and faults cannot be read at the moment');
    }
  }

  #actors(): Registration[] {
    return this.#registered.filter((registration) => registration.service === 'actor');
  }

  #showWaits(): void {
    const { metrics, waits } = this.#parts;
    const sinceLookMs = performance.now() - this.#lookedAtMs;
    this.#lookedAtMs += sinceLookMs;
    const list = waits.list();
    const nowMs = Date.now();
    for (const what of waitKinds) {
      const ofKind = list.filter((wait) => wait.what === what);
      const oldestMs = Math.max(0, ...ofKind.map(({ sinceMs }) => nowMs - sinceMs));
      metrics.waiting_seconds.set({ what }, oldestMs / 1_000);
      metrics.waiting_for.set(
        { what },
        ofKind.reduce((sum, { count }) => sum + count, 0),
      );
      if (ofKind.length > 0) metrics.wait_seconds_total.inc({ what }, sinceLookMs / 1_000);
    }
  }

  #showPhase(): void {
    const { runs, metrics } = this.#parts;
    const active = runs.active?.phase ?? null;
    metrics.run_active.set(active === null ? 0 : 1);
    metrics.phase_age_seconds.set(active === null ? 0 : (Date.now() - active.sinceMs) / 1_000);
    for (const phase of phases) metrics.phase.set({ phase }, active?.phase === phase ? 1 : 0);
  }
}

async function newestRun(cluster: Cluster): Promise<string | null> {
  const { runs } = await (await cluster.replay()).listRuns({});
  return runs[0]?.id ?? null;
}
