/**
 * One verdict under a deadline. Always answers with a score: `ok` or `wrong` when the scorer came to a verdict, `timeout` or `error`, without a
 * reward, when it did not. What failed for reasons outside the response is tried again a few times.
 */
import { type Score, type ScoreRequest, SegueError } from '@segue/core';
import type { Scorer, Verdict } from './scorer.js';

export interface JudgeRules {
  /** Longest time for one try, in ms. */
  readonly timeoutMs: number;
  /** Tries of a verdict that failed for infrastructure reasons. */
  readonly maxAttempts: number;
}

/** @param stop ends the work at shutdown: it throws CANCELLED then, which is no verdict */
export async function judge(
  scorer: Scorer,
  request: ScoreRequest,
  rules: JudgeRules,
  stop: AbortSignal,
): Promise<Score> {
  const startedAt = performance.now();
  const answer = (outcome: Pick<Score, 'status' | 'reward' | 'detail'>): Score => ({
    trajectoryId: request.id,
    scorer: scorer.name,
    ...outcome,
    durationMs: performance.now() - startedAt,
  });
  for (let attempt = 1; ; attempt++) {
    try {
      const { status, reward, detail } = await withDeadline(scorer, request, rules.timeoutMs, stop);
      return answer({ status, reward, detail });
    } catch (error) {
      if (stop.aborted) throw new SegueError('CANCELLED', `judging ${request.id} was stopped`, error);
      const failure = SegueError.from(error);
      if (failure.code === 'DEADLINE_EXCEEDED') {
        return answer({ status: 'timeout', reward: null, detail: failure.rawMessage });
      }
      if (!failure.retryable || attempt >= rules.maxAttempts) {
        return answer({ status: 'error', reward: null, detail: failure.rawMessage });
      }
    }
  }
}

async function withDeadline(
  scorer: Scorer,
  request: ScoreRequest,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<Verdict> {
  const over = new AbortController();
  let end: (error: SegueError) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    end = (error) => {
      over.abort(error);
      reject(error);
    };
  });
  const late = () => end(new SegueError('DEADLINE_EXCEEDED', `scorer ${scorer.name} took longer than ${timeoutMs} ms`));
  const onStop = () => end(new SegueError('CANCELLED', 'the service stops'));
  const timer = setTimeout(late, timeoutMs);
  // By hand: what AbortSignal.any leaves behind in a signal that lives as long as the process would grow with every verdict.
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });
  try {
    return await Promise.race([ended, scorer.score(request, over.signal)]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
    over.abort();
  }
}
