/**
 * Who has the work that is waited for: actors by their own word, as they were asked last. One that does not answer is believed to have what it had,
 * for as long as it is registered; what nobody has lies in the queue, or under the lease of an actor that is gone.
 */
import type { Registration } from '@segue/bus';
import type { ActorStatus } from '@segue/core';

/** Actors named one by one; of more, their number. */
const namedActors = 6;

export class Owners {
  /** Trajectories by actor. */
  #held = new Map<string, { readonly ids: readonly string[]; readonly answers: boolean }>();

  note(answers: readonly { readonly actor: Pick<Registration, 'id'>; readonly status: ActorStatus | null }[]): void {
    const before = this.#held;
    this.#held = new Map(
      answers.map(({ actor, status }) => [
        actor.id,
        { ids: status?.trajectoryIds ?? before.get(actor.id)?.ids ?? [], answers: status !== null },
      ]),
    );
  }

  /** For people: `actor-0: 3, actor-1: 12 (does not answer), nobody: 4`. */
  of(trajectoryIds: readonly string[]): string {
    const left = new Set(trajectoryIds);
    const parts: string[] = [];
    for (const [actor, { ids, answers }] of this.#held) {
      const owed = ids.filter((id) => left.delete(id)).length;
      if (owed > 0) parts.push(`${actor}: ${owed}${answers ? '' : ' (does not answer)'}`);
      // What it took since it was last asked cannot be known.
      else if (!answers) parts.push(`${actor} (does not answer)`);
    }
    const named = parts.slice(0, namedActors);
    if (parts.length > namedActors) named.push(`${parts.length - namedActors} actors more`);
    if (left.size > 0) named.push(`queue or lost lease: ${left.size}`);
    return named.join(', ');
  }
}
