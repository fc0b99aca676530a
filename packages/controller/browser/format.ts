/** Numbers and times as people read them. */

export function percent(share: number | null): string {
  return share === null ? '-' : `${(100 * share).toFixed(1)} %`;
}

export function decimals(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** @param ms a duration */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms / 1000);
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 100 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
