/** What goes wrong, to whom, and when: an endless list that a seed decides. Pure. It knows the names of processes and links, not how a fault is done. */
import { SeededRandom } from '@segue/core';

/** Of ten kills, about how many hit each kind of process. */
const killWeights = { actor: 3.5, controller: 1.5, trainer: 1.5, reward: 1, replay: 1.5, nats: 1 };

export const killableKinds = Object.keys(killWeights);

/**
 * @typedef {object} Fault
 * @property {'kill' | 'pause' | 'cut' | 'silence' | 'slow'} kind
 * @property {readonly string[]} targets processes, or one link
 * @property {number} afterMs after the fault before it
 * @property {number} forMs how long it lasts; of a kill, how long the process stays down
 * @property {number} [delayMs] of a slow link
 */

/**
 * The faults of a seed, without end.
 * @param {object} options
 * @param {number} options.seed
 * @param {readonly string[]} options.processes by name
 * @param {readonly string[]} options.links by name
 * @param {number} options.meanPauseMs between two faults
 * @param {number} options.leaseMs of a rollout task: about half of the pauses and silences last longer
 * @param {boolean} options.longOutage whether the broker stays down for a minute once
 * @param {string | null} options.only kind of process that is killed alone, and then nothing else is done; null: all of it
 * @returns {Generator<Fault, never>}
 */
export function* faultsOf({ seed, processes, links, meanPauseMs, leaseMs, longOutage, only }) {
  const random = new SeededRandom(seed, 'chaos');
  const pick = (list) => list[random.below(list.length)];
  const between = (low, high) => Math.round(low + (high - low) * random.next());
  let natsKills = 0;
  for (;;) {
    const afterMs = Math.round(-meanPauseMs * Math.log(1 - random.next()));
    const dice = random.next();
    if (only !== null || dice < 0.68) {
      const first = pickKilled(random, processes, only);
      // Now and then two at once.
      const second = random.next() < 0.1 ? pickKilled(random, processes, only) : first;
      const targets = first === second ? [first] : [first, second];
      const isLong = longOutage && targets.includes('nats') && ++natsKills === 3;
      const downMs = isLong ? 60_000 : random.next() < 0.25 ? 2_000 : between(50, 800);
      yield { kind: 'kill', targets, afterMs, forMs: downMs, delayMs: 0 };
    } else if (dice < 0.84) {
      yield { kind: 'pause', targets: [pick(processes)], afterMs, forMs: between(300, 2 * leaseMs), delayMs: 0 };
    } else {
      const kind = pick(['cut', 'silence', 'slow']);
      const delayMs = kind === 'slow' ? between(20, 300) : 0;
      yield { kind, targets: [pick(links)], afterMs, forMs: between(300, 2 * leaseMs), delayMs };
    }
  }
}

/** A process to kill: its kind by weight, then one of the kind. */
function pickKilled(random, processes, only) {
  const kinds = Object.entries(killWeights).flatMap(([kind, weight]) => Array.from({ length: 2 * weight }, () => kind));
  const kind = only ?? kinds[random.below(kinds.length)];
  const candidates = processes.filter((name) => name.replace(/-\d+$/, '') === kind);
  return candidates[random.below(candidates.length)];
}

/** A fault in a line for people. @param {Fault} fault */
export function describeFault({ kind, targets, forMs, delayMs }) {
  const whom = targets.join(' and ');
  if (kind === 'kill') return `kill -9 ${whom}${forMs >= 2_000 ? `, down for ${forMs / 1000} s` : ''}`;
  if (kind === 'pause') return `stop ${whom} for ${forMs} ms`;
  return `${kind} the link ${whom} for ${forMs} ms${kind === 'slow' ? `, ${delayMs} ms late` : ''}`;
}
