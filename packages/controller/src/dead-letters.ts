/**
 * The calls over what was given up. The list is the store's; what is here is what only the controller can do: publish a message again, and forget that
 * a requeued trajectory was lost with its actors, since somebody believes that the cause is gone.
 */
import type { Handlers } from '@segue/bus';
import { type ControllerApi, type DeadLetterRecord, groupOf, type RequeueOutcome, SegueError } from '@segue/core';
import type { Cluster } from './cluster.js';

type DeadLetterCalls = 'listDeadLetters' | 'getDeadLetter' | 'requeueDeadLetter' | 'dropDeadLetter';

/** @param onRequeued told after each */
export function deadLetterHandlers(
  cluster: Cluster,
  onRequeued: () => void,
): Pick<Handlers<ControllerApi>, DeadLetterCalls> {
  return {
    async *listDeadLetters({ runId }, { signal }) {
      yield* (await cluster.replay()).listDeadLetters({ runId }, { signal });
    },
    getDeadLetter: async ({ id }) => (await cluster.replay()).getDeadLetter({ id }),
    requeueDeadLetter: async ({ id }) => {
      const outcome = await requeue(cluster, id);
      onRequeued();
      return { outcome };
    },
    dropDeadLetter: async ({ id }) => (await cluster.replay()).dropDeadLetter({ id }),
  };
}

async function requeue(cluster: Cluster, id: string): Promise<RequeueOutcome> {
  const replay = await cluster.replay();
  const letter = await replay.getDeadLetter({ id });
  if (letter.kind === 'message') {
    await republish(cluster, letter);
    await replay.dropDeadLetter({ id });
    cluster.log.info({ letter: id, subject: letter.subject }, 'a dead letter is published again');
    return 'published-again';
  }
  // First: what is tried again must not be given up for what it did before.
  if (letter.kind === 'trajectory') await cluster.bus.forgetLostTries(letter.runId, groupOf(letter.subject));
  const { outcome } = await replay.requeueDeadLetter({ id });
  cluster.log.info({ letter: id, outcome }, 'a dead letter is put back to work');
  return outcome;
}

async function republish(
  { bus }: Cluster,
  { id, subject, body, bodyBytes, checksum }: DeadLetterRecord,
): Promise<void> {
  if (body.byteLength < bodyBytes) {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `dead letter ${id} cannot be published again: ${body.byteLength} of its ${bodyBytes} bytes were kept`,
    );
  }
  await bus.republish({ subject, body, checksum });
}
