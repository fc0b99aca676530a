/**
 * Loaded into a process before its own program (`--import`): when SIGUSR2 comes, makes garbage and writes to stdout how little V8's heap held meanwhile and how large
 * it became at most. It knows nothing of the program.
 */

/** Each array lasts for a while, so that only a collection of the whole heap frees it. */
function makeGarbage() {
  const [lasting, made, entries] = [2_048, 40_000, 1_000];
  const one = () => new Array(entries).fill(0.5);
  const ring = Array.from({ length: lasting }, one);
  let [heldBytes, mostBytes] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < made; i++) {
    ring[i % lasting] = one();
    // The first collections find out how much lasts.
    if (i < made / 2 || i % 64 !== 0) continue;
    const { heapUsed, heapTotal } = process.memoryUsage();
    heldBytes = Math.min(heldBytes, heapUsed);
    mostBytes = Math.max(mostBytes, heapTotal);
  }
  return { heldBytes, mostBytes };
}

process.on('SIGUSR2', () => process.stdout.write(`${JSON.stringify(makeGarbage())}\n`));
