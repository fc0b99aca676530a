/**
 * The events of a run as a stream: what is kept, then what comes, in order and without gaps, until the run has come to rest. Always read from the store; the
 * journal only says when to look again.
 */
import { isAtRest, positionKind, type StoredEvent } from '@segue/core';
import { Bell } from './bell.js';
import { type Cluster, collect } from './cluster.js';
import type { Journal } from './journal.js';

export interface WatchRequest {
  readonly runId: string;
  readonly fromStart: boolean;
  /** 0: from now on, or from the start with `fromStart`. */
  readonly afterSequence: number;
  /** Says first after which event it begins. */
  readonly tellPosition?: boolean;
}

/** How long to sleep without a wake-up: another process may have written. */
const lookAgainMs = 5_000;

export async function* watchRun(
  cluster: Cluster,
  journal: Journal,
  request: WatchRequest,
  signal: AbortSignal,
): AsyncIterable<StoredEvent> {
  const { runId } = request;
  const bell = new Bell();
  const forget = journal.onEvent(runId, () => bell.ring());
  const eventsAfter = async (afterSequence: number) =>
    collect((await cluster.replay()).listEvents({ runId, afterSequence }, { signal }));
  try {
    // NOT_FOUND for a run that does not exist.
    await (await cluster.replay()).getRun({ runId });
    let sequence = request.afterSequence;
    if (sequence === 0 && !request.fromStart) sequence = (await eventsAfter(0)).at(-1)?.sequence ?? 0;
    if (request.tellPosition) yield { sequence, atMs: Date.now(), kind: positionKind, bodyJson: '{}' };
    while (!signal.aborted) {
      // The state is read first: what a run said before it came to rest is then among the events.
      const { state } = await (await cluster.replay()).getRun({ runId });
      for (const event of await eventsAfter(sequence)) {
        yield event;
        sequence = event.sequence;
      }
      if (isAtRest({ state })) return;
      await bell.wait(lookAgainMs, signal);
    }
  } finally {
    forget();
  }
}
