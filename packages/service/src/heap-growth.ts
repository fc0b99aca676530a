/**
 * How far V8 lets a heap grow beyond what it holds before it collects. By itself that is up to three times as much again, and whenever much is to do it is. The
 * buffers that are garbage meanwhile lie in the C library's heap, which keeps its size when they are gone: each higher peak leaves a process larger for good.
 * It bounds no heap: what is held may be as much as before. Nothing here knows what a service does.
 */
import { setFlagsFromString } from 'node:v8';
import { assert } from '@segue/core';

/** With it each service of a cluster stayed level for an hour; docs/load.md has what it costs. */
export const defaultHeapGrowthPercent = 30;

/**
 * For the whole process, from the next collection on.
 * @param percent of what the last collection left; a smaller one collects more often
 */
export function boundHeapGrowth(percent: number): void {
  assert(Number.isInteger(percent) && percent > 0, `a heap grows by a whole number of percent, not ${percent}`);
  // Not among what NODE_OPTIONS takes. V8 reads it at the end of each collection.
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
