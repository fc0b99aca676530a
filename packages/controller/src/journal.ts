/**
 * The events of runs: written to the store, which numbers them, then watchers are woken. An event with a key is written once however
 * often the work that it reports is done again; one without gets a key of its own, so that a repeated call writes it once.
 */
import type { RunEventKind, RunEvents } from '@segue/core';
import type { Cluster } from './cluster.js';

export class Journal {
  readonly #cluster: Cluster;
  readonly #process = `${process.pid}-${Date.now().toString(36)}`;
  readonly #watchers = new Map<string, Set<() => void>>();
  #written = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async append<K extends RunEventKind>(runId: string, kind: K, body: RunEvents[K], key?: string): Promise<void> {
    const replay = await this.#cluster.replay();
    await replay.appendEvent({
      runId,
      kind,
      bodyJson: JSON.stringify(body),
      atMs: Date.now(),
      key: key ?? `${this.#process}-${this.#written++}`,
    });
    this.wake(runId);
  }

  /** Has the watchers of a run look again. */
  wake(runId: string): void {
    for (const wake of this.#watchers.get(runId) ?? []) wake();
  }

  /** Calls `wake` after every event of the run; answers how to end that. */
  onEvent(runId: string, wake: () => void): () => void {
    const watchers = this.#watchers.get(runId) ?? new Set();
    this.#watchers.set(runId, watchers.add(wake));
    return () => {
      watchers.delete(wake);
      if (watchers.size === 0) this.#watchers.delete(runId);
    };
  }
}
