/**
 * From which iteration on the policy versions of a run must stay, since a snapshot that is being taken may name them. The store tells it with a run's statistics, and
 * the trainer asks before it removes a version: so it holds whatever the two know of each other otherwise. It knows nothing of files.
 */

/** By run, the newest iteration when a snapshot was begun: its copy is of that moment, or later. */
type NewestIterations = ReadonlyMap<string, number>;

export class HeldVersions {
  readonly #held = new Set<{ readonly newest: NewestIterations }>();

  /** Call it before the copy is begun, and what it answers when nobody needs the weights any more. */
  hold(newest: NewestIterations): () => void {
    const one = { newest };
    this.#held.add(one);
    return () => void this.#held.delete(one);
  }

  /** null: no snapshot is being taken. A run without an iteration may have come to several since. */
  fromIteration(runId: string): number | null {
    if (this.#held.size === 0) return null;
    return Math.min(...[...this.#held].map(({ newest }) => newest.get(runId) ?? 0));
  }
}
