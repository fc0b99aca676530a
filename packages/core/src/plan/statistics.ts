/**
 * The few statistics that events carry. Pure; an empty list has no mean, and what that means is the caller's to say.
 */

/** Arithmetic mean; null for an empty list. */
export function mean(values: ArrayLike<number>): number | null {
  if (values.length === 0) return null;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/**
 * Percentile by nearest rank: the smallest value that at least `percent` percent of the values do not exceed. Always one
 * of the values; null for an empty list.
 * @param percent in (0, 100]
 */
export function percentile(values: ArrayLike<number>, percent: number): number | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.min(sorted.length, Math.max(1, rank)) - 1]!;
}
