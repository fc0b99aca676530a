/**
 * How far the heap of the process that supervises a cluster grows before V8 collects: as its services' do (packages/service/src/heap-growth.ts, which says why), since it lives as
 * long as they do. Knows nothing of what the process does beside.
 */
import { setFlagsFromString } from 'node:v8';

/** In percent of what the last collection left. */
const growthPercent = 30;

/** For the whole process, from the next collection on. */
export function boundSupervisorHeap(): void {
  // Not among what NODE_OPTIONS takes. V8 reads it at the end of each collection.
  setFlagsFromString(`--heap-growing-percent=${growthPercent}`);
}
