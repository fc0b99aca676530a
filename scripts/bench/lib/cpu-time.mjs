/** The processor time of this process: what a computation on one thread takes, whatever else the machine does meanwhile. */

export function cpuTimeMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** What the best of some runs takes, in ms. */
export async function bestCpuTimeMs(runs, work) {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const begin = cpuTimeMs();
    await work();
    best = Math.min(best, cpuTimeMs() - begin);
  }
  return best;
}
