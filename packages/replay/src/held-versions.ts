/**
 * Policy versions of which iterations of a run must stay, since snapshots that are being taken may name them. The store tells it with a run's statistics, and
 * the trainer asks before it removes a version: so it holds whatever the two know of each other otherwise. It knows nothing of files, nor which versions these are.
 */
import type { SnapshotRun } from '@segue/core';

/** By run, the newest iteration when a snapshot was begun: its copy is of that moment, or later. */
type NewestIterations = ReadonlyMap<string, number>;

/** A version that samples in one of these, or comes out of one, must stay. */
export interface HeldIterations {
  readonly from: number;
  /** null: what the copy names is not known yet, so there is no last one. */
  readonly to: number | null;
}

export interface Hold {
  /** The copy is made: of each run it names the versions of its newest iteration alone, and of others none. */
  readonly onlyNamed: (runs: readonly Pick<SnapshotRun, 'id' | 'iteration'>[]) => void;
  /** Nobody needs the weights any more. */
  readonly release: () => void;
}

export class HeldVersions {
  /** What each snapshot that is being taken holds of a run; null: nothing. */
  readonly #snapshots = new Set<{ of: (runId: string) => HeldIterations | null }>();

  /** Call it before the copy is begun. A run without an iteration may have come to several when it is made. */
  hold(newest: NewestIterations): Hold {
    const one = { of: (runId: string): HeldIterations | null => ({ from: newest.get(runId) ?? 0, to: null }) };
    this.#snapshots.add(one);
    return {
      onlyNamed: (runs) => {
        const named = new Map(runs.map(({ id, iteration }) => [id, iteration ?? 0]));
        one.of = (runId) => {
          const iteration = named.get(runId);
          return iteration === undefined ? null : { from: iteration, to: iteration };
        };
      },
      release: () => void this.#snapshots.delete(one),
    };
  }

  /**
   * From the first that any snapshot holds to the last, with what lies between them: few versions, since those that an earlier snapshot did not hold are gone, but for
   * the newest ones, when a later one is begun. null: none is held.
   */
  iterations(runId: string): HeldIterations | null {
    const held = [...this.#snapshots].flatMap((one) => one.of(runId) ?? []);
    if (held.length === 0) return null;
    const ends = held.flatMap(({ to }) => to ?? []);
    const from = Math.min(...held.map((one) => one.from));
    return { from, to: ends.length < held.length ? null : Math.max(...ends) };
  }
}
