/**
 * Events of a run as an async iterator that survives a lost connection: it asks again after the last number it saw, or after that at which it began, so
 * nothing is missed and nothing comes twice. (A controller of an earlier version does not say where a watch of what comes from now on begins.)
 */
import { type Client, pause } from '@segue/bus';
import { type ControllerApi, positionKind, type RunEventOf, SegueError } from '@segue/core';
import { toEvent } from './event.js';

export interface WatchOptions {
  /** Replays the run's events since it began. */
  readonly fromStart?: boolean;
  /** Begins after this event. */
  readonly afterSequence?: number;
  readonly signal?: AbortSignal;
  /** Longest time without a controller that is reached and answers in time before the watch gives up, in ms. */
  readonly patienceMs?: number;
}

const retryPauseMs = 300;
const defaultPatienceMs = 60_000;
/** A call that broke after so long had reached its controller, though it brought nothing: one that is gone is noticed within half a minute. */
const reachedAfterMs = 60_000;
/** One that ran out of time after so long had listed the run's events before: a store that stalls holds up the first listing for two minutes and a half at most. */
const listedAfterMs = 180_000;

/** Ends when the run comes to rest. An event of a kind that this version does not know is passed on as it is. */
export async function* watchEvents(
  controller: Pick<Client<ControllerApi>, 'watchRun'>,
  runId: string,
  options: WatchOptions = {},
): AsyncGenerator<RunEventOf> {
  let afterSequence = options.afterSequence ?? 0;
  let fromStart = options.fromStart ?? false;
  let lostAtMs: number | null = null;
  for (;;) {
    const askedAtMs = Date.now();
    try {
      const request = { runId, fromStart, afterSequence, tellPosition: !fromStart && afterSequence === 0 };
      for await (const event of controller.watchRun(request, { signal: options.signal })) {
        lostAtMs = null;
        if (event.kind === positionKind) {
          afterSequence = event.sequence;
          // Of a run that has said nothing yet, the next call begins with the first event.
          fromStart = afterSequence === 0;
          continue;
        }
        if (event.sequence <= afterSequence) continue;
        afterSequence = event.sequence;
        fromStart = false;
        yield toEvent(event);
      }
      return;
    } catch (error) {
      const failure = SegueError.from(error);
      // Out of time is the call itself after a day, or a controller whose store stalls: the next one may fare better.
      if (failure.code !== 'UNAVAILABLE' && failure.code !== 'DEADLINE_EXCEEDED') throw failure;
      const nowMs = Date.now();
      const contactAfterMs = failure.code === 'UNAVAILABLE' ? reachedAfterMs : listedAfterMs;
      if (lostAtMs === null || nowMs - askedAtMs >= contactAfterMs) lostAtMs = nowMs;
      if (nowMs - lostAtMs > (options.patienceMs ?? defaultPatienceMs)) throw failure;
      // Ends early with the signal; the next call then says CANCELLED.
      await pause(retryPauseMs, options.signal);
    }
  }
}
