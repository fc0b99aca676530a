/**
 * What a server of somebody's own answered, as a verdict, or why it is none. It is not trusted: what makes no sense is refused with a message that names the
 * scorer and the server, and never becomes a reward. Pure.
 */
import { type Score, type ScoreRequest, SegueError } from '@segue/core';
import type { Verdict } from '../scorer.js';

/** What is wrong with an answer; a label of the metric that counts them. */
export const nonsenseKinds = ['unreadable', 'missing', 'surplus', 'id', 'reward', 'scorers'] as const;
export type Nonsense = (typeof nonsenseKinds)[number];

/** Longest explanation that is kept of an answer. */
const maxDetailChars = 2_000;

/** The refusal of an answer that makes no sense. INVALID_INPUT: asking again would bring the same. */
export class NonsenseError extends SegueError {
  readonly kind: Nonsense;

  constructor(kind: Nonsense, message: string) {
    super('INVALID_INPUT', message);
    this.kind = kind;
  }
}

/**
 * The verdict in an answer to one request.
 *
 * @param from the scorer and where it was asked, for messages
 * @throws NonsenseError for an answer that is none; SegueError for a server that says that it failed
 */
export function readVerdict(scores: readonly Score[], request: ScoreRequest, from: string): Verdict {
  const [score, ...surplus] = scores;
  if (score === undefined) {
    throw new NonsenseError('missing', `${from} answered without a score for ${request.id}`);
  }
  if (surplus.length > 0) {
    throw new NonsenseError('surplus', `${from} answered one request with ${scores.length} scores`);
  }
  if (score.trajectoryId !== request.id) {
    const given = JSON.stringify(score.trajectoryId.slice(0, 140));
    throw new NonsenseError('id', `${from} was asked about ${request.id} and answered about ${given}`);
  }
  const detail = score.detail.slice(0, maxDetailChars);
  if (score.status === 'timeout') throw new SegueError('DEADLINE_EXCEEDED', `${from} ran out of time: ${detail}`);
  if (score.status === 'error') throw new SegueError('FAILED_PRECONDITION', `${from} could not judge: ${detail}`);
  const { status, reward } = score;
  if (reward === null || !Number.isFinite(reward)) {
    const given = reward === null ? 'no reward' : `reward ${reward}`;
    throw new NonsenseError('reward', `${from} said ${status} with ${given}: a verdict needs a finite number`);
  }
  if (status === 'ok' ? reward <= 0 : reward !== 0) {
    const rule = status === 'ok' ? 'ok takes a reward above zero' : 'wrong takes zero';
    throw new NonsenseError('reward', `${from} said ${status} with reward ${reward}: ${rule}`);
  }
  return { status, reward, detail };
}
