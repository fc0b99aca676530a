/**
 * Which runs are the demo's: by their name, and, since a client may have given a run of its own that name, by the numbers of their problems. It asks nobody what the
 * problems are.
 */
import type { RunView } from '@segue/core';
import { isNumbered } from '../run/run-ids.js';
import type { DemoSizes } from './problems.js';

/** What the demo's runs are called, `demo-1`, and no others that the command starts. */
export const demoBase = 'demo';

/** Runs that were made with other numbers are the demo's no more, nor gone on with by it, once these are changed. */
export const demoSizes: DemoSizes = { heldOut: 512, train: 8_000, warmup: 32_000, hastyShare: 0.58 };

export function isDemoRun({ id, evaluationProblems, trainProblems, warmupProblems }: RunView): boolean {
  const { heldOut, train, warmup } = demoSizes;
  const counts: readonly (readonly [number, number])[] = [
    [evaluationProblems, heldOut],
    [trainProblems, train],
    [warmupProblems, warmup],
  ];
  // A set is there as a whole or, where the demo was cut off before it submitted it, not at all.
  return isNumbered(id, demoBase) && counts.every(([there, whole]) => there === 0 || there === whole);
}
