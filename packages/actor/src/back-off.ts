/** How patient a lane is with engines that fail. */
export interface BackOff {
  /** Failures in a row, of chunks and of new engines, after which the lane is broken. */
  readonly maxFailures: number;
  /** Pause before the new engine after a second failure in a row, in ms; doubles up to the longest. The first gets one at once. */
  readonly firstMs: number;
  readonly longestMs: number;
}

export const defaultBackOff: BackOff = { maxFailures: 6, firstMs: 250, longestMs: 4_000 };

/** Pause before the engine after so many failures in a row, in ms. */
export function pauseAfter(failures: number, { firstMs, longestMs }: BackOff): number {
  return failures === 1 ? 0 : Math.min(longestMs, firstMs * 2 ** (failures - 2));
}
