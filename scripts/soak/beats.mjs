/**
 * Even times at which something is begun again and again: as far apart as was asked, or, where one takes longer than that, at its end. What was late
 * is not made up for: two in a row would be twice the work for a while. It knows nothing of what is begun.
 */
import { pause } from '@segue/bus';

const realClock = { nowMs: () => performance.now(), rest: pause };

/**
 * One value for each time to begin, until the signal fires: how many of those before took longer than `everyMs`. 0 ms: each begins when the one before has ended,
 * and none is late.
 * @param {number} everyMs
 * @param {AbortSignal} signal
 * @param {{ nowMs: () => number, rest: (ms: number, signal: AbortSignal) => Promise<void> }} [clock]
 * @returns {AsyncGenerator<number, void>}
 */
export async function* beats(everyMs, signal, clock = realClock) {
  for (let late = 0; !signal.aborted; ) {
    const nextAtMs = clock.nowMs() + everyMs;
    yield late;
    if (everyMs === 0 || signal.aborted) continue;
    const restMs = nextAtMs - clock.nowMs();
    if (restMs < 0) late++;
    else await clock.rest(restMs, signal);
  }
}
