/** Trying again: what a call does when its server cannot be reached. One rule for all services. */
import { SegueError } from '@segue/core';
import { cancelled, pause } from '../abort.js';

const maxTries = 12;
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** Whether a failed try may be followed by another. Other codes say that the server was reached and has answered. */
export function isLostCall(error: SegueError): boolean {
  return error.code === 'UNAVAILABLE';
}

/** Time before try `number` (2 is the first repetition): doubling, with half of it random so that callers spread out. */
export function pauseBefore(number: number): number {
  const full = Math.min(longestPauseMs, firstPauseMs * 2 ** (number - 2));
  return full * (0.5 + Math.random() / 2);
}

export interface Attempts {
  readonly what: string;
  readonly retry: boolean;
  readonly deadlineAtMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs `attempt` until it succeeds, or fails for good, or tries and time are used up. */
export async function withRetries<T>(attempts: Attempts, attempt: () => Promise<T>): Promise<T> {
  for (let number = 1; ; number++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(await waitToRetry(attempts, number, SegueError.from(error)))) throw error;
    }
  }
}

/** Waits after failed try `number`; false when there is to be no other. A server that says when to come again is obeyed. */
export async function waitToRetry(attempts: Attempts, number: number, error: SegueError): Promise<boolean> {
  const askedMs = error.retryAfterMs;
  // With some more, so that those who were sent away together do not come back together.
  const waitMs = askedMs === null ? pauseBefore(number + 1) : askedMs + pauseBefore(2);
  if (!attempts.retry || !(isLostCall(error) || askedMs !== null) || number >= maxTries) return false;
  if (Date.now() + waitMs >= attempts.deadlineAtMs) return false;
  await pause(waitMs, attempts.signal);
  if (attempts.signal?.aborted) throw cancelled(attempts.what);
  return true;
}
