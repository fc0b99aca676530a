/**
 * What a scorer is: a name, what it reads of a problem's metadata, and a verdict on one response. A scorer says `ok` or `wrong` when it came
 * to a verdict; what it throws is a failure (judge.ts) and never a reward of zero.
 */
import type { ScoreRequest } from '@segue/core';

/** A scorer's word on one response: 'ok' has a reward above zero, 'wrong' has zero. */
export interface Verdict {
  readonly status: 'ok' | 'wrong';
  readonly reward: number;
  /** What the scorer saw, for people. */
  readonly detail: string;
}

export interface Scorer {
  readonly name: string;
  readonly description: string;
  /** JSON schema of the metadata that it reads; null when none. */
  readonly metadataSchema: object | null;
  /** Why it cannot judge at the moment; null when it can. Left out by those that always can. */
  readonly whyAway?: () => string | null;
  /**
   * Judges one response. Pure. `signal` fires when time is up: what goes on longer is thrown away.
   *
   * @throws SegueError INVALID_INPUT for a problem that it cannot judge; a retryable one when what it depends on failed.
   */
  score(request: ScoreRequest, signal: AbortSignal): Promise<Verdict>;
}

export function right(detail: string): Verdict {
  return { status: 'ok', reward: 1, detail };
}

export function wrong(detail: string): Verdict {
  return { status: 'wrong', reward: 0, detail };
}

/** A part of a response, short enough for a log line. */
export function excerpt(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 77)}...`);
}
