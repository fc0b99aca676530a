/**
 * Measures contenders in turn, A B A B ..., so that a machine whose speed drifts is unfair to none. Absolute times of a shared machine say little;
 * the median of the ratios, round by round, says what is faster.
 */

/**
 * @param {Record<string, () => Promise<number>>} contenders each returns one figure; called once to warm up, then once a round
 * @param {number} rounds
 * @returns {Promise<Record<string, number[]>>} the figures of each, by round
 */
export async function alternate(contenders, rounds) {
  const figures = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, measure] of Object.entries(contenders)) {
      const figure = await measure();
      if (round >= 0) figures[name].push(figure);
    }
  }
  return figures;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median over the rounds of `a` divided by `b`. */
export function ratio(a, b) {
  return median(a.map((value, round) => value / b[round]));
}

/** A figure with four significant digits. */
export function short(value) {
  return Number(value.toPrecision(4));
}
