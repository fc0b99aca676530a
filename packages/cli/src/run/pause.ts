/** Bringing a run to rest, however long the phase lasts that it is in: a call has a deadline, a training phase has none. */
import type { SegueClient } from '@segue/client';
import { SegueError } from '@segue/core';

export async function pauseUntilAtRest(client: Pick<SegueClient, 'pauseRun'>, runId: string): Promise<void> {
  for (;;) {
    try {
      await client.pauseRun(runId);
      return;
    } catch (error) {
      const failure = SegueError.from(error);
      // What was asked for goes on; to ask again is to wait on.
      if (failure.code !== 'DEADLINE_EXCEEDED') throw failure;
    }
  }
}
