/**
 * Publishes finished segments while the next chunk runs, acknowledges their tasks after the stream has them, and counts
 * them. A publication that fails is tried again for a while; after that the task is given back, and whoever takes it generates
 * the same tokens again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Bus, type Lease, traced } from '@segue/bus';
import { type RolloutTask, type Segment, SegueError } from '@segue/core';

export interface OutboxOptions {
  readonly bus: Pick<Bus, 'publishSegment'>;
  /** How long to try, in ms. */
  readonly patienceMs: number;
  readonly onPublished: (segment: Segment) => void;
  readonly onFailure: (segment: Segment, error: SegueError, givenUp: boolean) => void;
}

const firstPauseMs = 100;
const longestPauseMs = 2_000;
/** Iterations whose count is kept. */
const keptCounts = 4;

export class SegmentOutbox {
  readonly #options: OutboxOptions;
  readonly #published = new Map<string, number>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Segments that the stream has, per `<run>/<iteration>`, of the newest few. */
  get published(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#published);
  }

  /**
   * Resolves when the stream has the segment and the task is acknowledged, or the outbox gave up. Never rejects.
   * @param held its lease may change meanwhile: a publication may take longer than a lease lasts
   */
  async send(held: { readonly lease: Lease<RolloutTask> }, segment: Segment): Promise<void> {
    const { runId, iteration } = held.lease.value;
    const publish = () => this.#publish(runId, segment);
    const failure = await traced({ ...spanOf(segment), parent: held.lease.trace ?? null }, publish);
    if (failure !== null) {
      // That the stream was away says nothing against the trajectory; a segment that it can never take does.
      if (failure.retryable) held.lease.giveBack();
      else held.lease.lose();
      return;
    }
    count(this.#published, `${runId}/${iteration}`);
    this.#options.onPublished(segment);
    // A lost acknowledgement is harmless: the store has the segment, and answers the same task's next one with it.
    await held.lease.ack().catch((error) => this.#options.onFailure(segment, SegueError.from(error), true));
  }

  /** Null when the stream has it, else why it never got it. */
  async #publish(runId: string, segment: Segment): Promise<SegueError | null> {
    const beganMs = performance.now();
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        await this.#options.bus.publishSegment(runId, segment);
        return null;
      } catch (cause) {
        const error = SegueError.from(cause);
        const givenUp = performance.now() - beganMs > this.#options.patienceMs || error.code === 'INVALID_INPUT';
        this.#options.onFailure(segment, error, givenUp);
        if (givenUp) return error;
      }
      await pause(pauseMs);
    }
  }
}

/** From the first chunk until the stream has it: nothing is done for a trace while it is generated. */
function spanOf({ trajectoryId, index, iteration, policyVersion, endReason, tokens, meter }: Segment) {
  const attributes = {
    'segue.trajectory': trajectoryId,
    'segue.segment': index,
    'segue.iteration': iteration,
    'segue.policy_version': policyVersion,
    'segue.end_reason': endReason,
    'segue.tokens': tokens.length,
  };
  return { name: 'generate', kind: 'consumer', attributes, startedAtMs: meter.startedAtMs } as const;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
  const oldest = counts.keys().next().value;
  if (counts.size > keptCounts && oldest !== undefined) counts.delete(oldest);
}
