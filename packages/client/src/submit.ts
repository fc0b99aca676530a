/**
 * Handing a batch over, again if need be: while the controller cannot be reached, and after the time that it asks for when it takes in others. A batch has an
 * id, so one that arrived twice is in once.
 */
import { type Client, withRetries } from '@segue/bus';
import type { BatchHeader, BatchResult, ControllerApi, ProblemInput } from '@segue/core';

export type Problems = Iterable<ProblemInput> | AsyncIterable<ProblemInput>;

export interface SubmitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest time for all tries together, in ms; default five minutes. */
  readonly patienceMs?: number | undefined;
}

const defaultPatienceMs = 5 * 60_000;

/** @param problems a collection is read and a function called for every try; what may be used up, such as a generator or a stream, is sent once */
export function submitBatch(
  controller: Pick<Client<ControllerApi>, 'submitProblems'>,
  header: BatchHeader,
  problems: Problems | (() => Problems),
  { signal, patienceMs = defaultPatienceMs }: SubmitOptions = {},
): Promise<BatchResult> {
  const read = typeof problems === 'function' ? problems : () => problems;
  const deadlineAtMs = Date.now() + patienceMs;
  const attempts = {
    what: `submitting batch ${header.batchId}`,
    retry: typeof problems === 'function' || isReadAgain(problems),
    deadlineAtMs,
    signal,
  };
  return withRetries(attempts, () =>
    // A batch may have to wait for others, which is no reason to take it back while there is patience.
    controller.submitProblems(header, read(), { signal, deadlineMs: deadlineAtMs - Date.now() }),
  );
}

/** Collections alone: an iterator or a stream is used up when it was read, and whoever reads it again gets an empty batch. */
function isReadAgain(problems: Problems): boolean {
  return Symbol.iterator in problems && !('next' in problems);
}
