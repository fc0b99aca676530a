/**
 * Whether a series of samples stays level: its last quarter against its second. The first quarter warms up: heaps, pools and caches grow to their
 * size, streams fill up to their limits. Knows nothing of processes, nor where the samples are from.
 */

/** What the mean of the last quarter may have above that of the second. */
export const tolerance = 0.05;
/** Fewer say nothing: a quarter would be one or two. */
export const fewestSamples = 16;

/**
 * @typedef {{ process: string, what: string, constant?: boolean, limit?: number, told?: boolean }} Series
 * @typedef {{ second: number, last: number, lowest: [number, number], ratio: number }} Levels
 * @typedef {{ [Key in keyof Levels]: null }} NoLevels too few samples came
 * @typedef {Series & { samples: number, ok: boolean } & (Levels | NoLevels)} Verdict
 */

/**
 * Something that must stay constant (handles) may besides have one more at a moment: a connection that is being made again. Something with a limit
 * of its own (a stream on disk) may rise as long as it is below. What is only told is never a fault.
 * The lowest sample of both quarters is told beside: memory wanders between collections, and its floor is what a process holds on to.
 * What has too few samples, or none in one of both quarters, has failed: nobody knows that it stays level.
 * @param {Series & { values: readonly (number | null)[] }} series null: a sample that did not come; quarters are those of the time all the same
 * @returns {Verdict}
 */
export function judge({ values, ...series }) {
  const isKnown = (value) => value !== null;
  const samples = values.filter(isKnown).length;
  const quarter = (index) =>
    values
      .slice(Math.floor((index * values.length) / 4), Math.floor(((index + 1) * values.length) / 4))
      .filter(isKnown);
  const [early, late] = [quarter(1), quarter(3)];
  if (samples < fewestSamples || early.length === 0 || late.length === 0) {
    return { ...series, samples, second: null, last: null, lowest: null, ratio: null, ok: series.told === true };
  }
  const [second, last] = [mean(early), mean(late)];
  const allowed = series.constant ? Math.max(second * (1 + tolerance), second + 1) : second * (1 + tolerance);
  const ok = series.told === true || last <= Math.max(allowed, series.limit ?? 0);
  const ratio = second === 0 ? Number(last > 0) + 1 : last / second;
  return { ...series, samples, second, last, lowest: [Math.min(...early), Math.min(...late)], ratio, ok };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
