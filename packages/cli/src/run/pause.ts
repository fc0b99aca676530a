/**
 * Bringing a run to rest, however long the phase lasts that it is in: a call has a deadline, a training phase has none. It is told that this is waited for, since
 * nothing else may be seen meanwhile.
 */
import type { SegueClient } from '@segue/client';
import { SegueError } from '@segue/core';

export interface PauseOptions {
  /** Something for the person: at once, then now and then. */
  readonly tell: (text: string) => void;
  /** Between two words, in ms. */
  readonly tellEveryMs?: number;
  /** Ends the wait, not the coming to rest. */
  readonly cut?: <T>(work: Promise<T>) => Promise<T>;
}

const defaultTellEveryMs = 15_000;

export async function pauseUntilAtRest(
  client: Pick<SegueClient, 'pauseRun'>,
  runId: string,
  { tell, tellEveryMs = defaultTellEveryMs, cut = (work) => work }: PauseOptions,
): Promise<void> {
  const startedAtMs = performance.now();
  const what = `waiting for run ${runId} to come to rest`;
  tell(what);
  const timer = setInterval(
    () =>
      tell(`${what} (${((performance.now() - startedAtMs) / 1000).toFixed(0)} s): a training phase is finished first`),
    tellEveryMs,
  );
  try {
    for (;;) {
      // A value: what ends the wait may have the same code as a call that was too short for the phase.
      const asked = client.pauseRun(runId).then(
        () => null,
        (error: unknown) => SegueError.from(error),
      );
      const failure = await cut(asked);
      if (failure === null) return;
      // What was asked for goes on; to ask again is to wait on.
      if (failure.code !== 'DEADLINE_EXCEEDED') throw failure;
    }
  } finally {
    clearInterval(timer);
  }
}
