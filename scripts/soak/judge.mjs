/**
 * Whether a series of samples stays level: its last quarter against its second. The first quarter warms up: heaps, pools and caches grow to their
 * size, streams fill up to their limits. Knows nothing of processes, nor where the samples are from.
 */

/** What the mean of the last quarter may have above that of the second. */
export const tolerance = 0.05;
/** Fewer say nothing: a quarter would be one or two. */
export const fewestSamples = 16;

/**
 * @typedef {{ process: string, what: string, constant?: boolean }} Series
 * @typedef {Series & { second: number, last: number, ratio: number, ok: boolean }} Verdict
 */

/**
 * Something that must stay constant (handles) may besides have one more or less at a moment: a connection that is being made again.
 * @param {Series & { values: readonly number[] }} series
 * @returns {Verdict}
 */
export function judge({ values, ...series }) {
  if (values.length < fewestSamples) {
    throw new TypeError(
      `${series.process}: ${values.length} samples of ${series.what}, and a judgement needs ${fewestSamples}`,
    );
  }
  const quarter = (index) =>
    values.slice(Math.floor((index * values.length) / 4), Math.floor(((index + 1) * values.length) / 4));
  const [second, last] = [mean(quarter(1)), mean(quarter(3))];
  const allowed = series.constant ? Math.max(second * (1 + tolerance), second + 1) : second * (1 + tolerance);
  return { ...series, second, last, ratio: second === 0 ? Number(last > 0) + 1 : last / second, ok: last <= allowed };
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
