/**
 * From the streams into the store: each message is acknowledged after its commit, never before. What the store can never take goes to the dead
 * letters with the reason; what it cannot take now (a full disk) comes again. Messages are handled side by side, so that they share transactions.
 */
import type { Lease, TraceParent } from '@segue/bus';
import { SegueError } from '@segue/core';

/** Messages in hand at most. */
const maxInHand = 128;
/** Pause before a message that could not be stored comes again, in ms. */
const retryMs = 1_000;
/** Longest pause of one that meets damage which nothing mends; its pause doubles with each delivery. A snapshot has to be put back first. */
const maxRetryMs = 60_000;

export type Ingested = 'stored' | 'refused' | 'postponed';

type Store<T> = (value: T, trace: TraceParent | null) => Promise<unknown>;

export interface IngestReport {
  readonly result: Ingested;
  /** Why it was not stored. */
  readonly error: SegueError | null;
}

const stored: IngestReport = { result: 'stored', error: null };

/** Takes in a stream until it ends. @param store is given a value and what it belongs to; resolves when the value is on disk */
export async function ingest<T>(
  leases: AsyncIterable<Lease<T>>,
  store: Store<T>,
  report: (report: IngestReport) => void,
): Promise<void> {
  const inHand = new InHand();
  let failure: unknown = null;
  const take = async (lease: Lease<T>) => {
    try {
      report(await handle(lease, store));
    } catch (error) {
      failure ??= error;
    } finally {
      inHand.drop();
    }
  };
  try {
    for await (const lease of leases) {
      inHand.add();
      void take(lease);
      if (inHand.count >= maxInHand) await inHand.below(maxInHand);
      if (failure !== null) break;
    }
  } finally {
    // Also where the stream breaks off: whoever stops goes on to close the store.
    await inHand.below(1);
  }
  if (failure !== null) throw failure;
}

/** How many there are, for one who waits until there are fewer: a race of all their promises costs as much as they do each time that one is added. */
class InHand {
  #count = 0;
  #wake: (() => void) | null = null;

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count++;
  }

  drop(): void {
    this.#count--;
    this.#wake?.();
  }

  async below(limit: number): Promise<void> {
    while (this.#count >= limit) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function handle<T>(lease: Lease<T>, store: Store<T>): Promise<IngestReport> {
  try {
    await store(lease.value, lease.trace ?? null);
  } catch (error) {
    const failure = SegueError.from(error);
    if (!isFinal(failure)) {
      lease.giveBack(pauseAfter(failure, lease.deliveryCount));
      return { result: 'postponed', error: failure };
    }
    await lease.discard(failure.message);
    return { result: 'refused', error: failure };
  }
  await lease.ack();
  return stored;
}

/** A disk that was full has space again soon. */
function pauseAfter({ code }: SegueError, delivery: number): number {
  return code === 'DATA_LOSS' ? Math.min(maxRetryMs, retryMs * 2 ** (delivery - 1)) : retryMs;
}

/** Whether the same message could never be stored. A failing disk or a bug could be over later: the message is kept. */
function isFinal({ code }: SegueError): boolean {
  return code === 'INVALID_INPUT' || code === 'NOT_FOUND' || code === 'FAILED_PRECONDITION';
}
