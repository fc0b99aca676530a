/** The store's process with a journal: every segment that is on disk, every message that was acknowledged. Nothing else differs. */
import { hashTokens, replayConfigSchema } from '@segue/core';
import { buildReplay } from '@segue/replay';
import { runService } from '@segue/service';
import { openJournal } from '../journal.mjs';
import { withOther } from './with-other.mjs';

const journal = openJournal('replay');

function noteCommits(notices) {
  for (const notice of notices) {
    if (notice.kind !== 'segment') continue;
    const { trajectory, segment } = notice;
    const { index, attempt, iteration, policyVersion, tokenCount } = segment;
    journal.write('committed', {
      trajectoryId: trajectory.id,
      index,
      hash: trajectory.prefixHash,
      tokens: tokenCount,
      attempt,
      iteration,
      policyVersion,
    });
  }
}

async function* notingAcknowledgements(leases) {
  for await (const lease of leases) {
    const { trajectoryId, index, attempt, iteration, tokens, prefixHash } = lease.value.segment;
    const note = () => {
      const hash = hashTokens(tokens, prefixHash);
      journal.write('acknowledged', { trajectoryId, index, hash, tokens: tokens.length, attempt, iteration });
    };
    const ack = async () => {
      await lease.ack();
      note();
    };
    const discard = async (reason) => {
      await lease.discard(reason);
      note();
    };
    yield { ...lease, ack, discard };
  }
}

await runService({
  name: 'replay',
  schema: replayConfigSchema,
  build: (shell) => {
    const consumeSegments = (options) => notingAcknowledgements(shell.bus.consumeSegments(options));
    return buildReplay(withOther(shell, { bus: withOther(shell.bus, { consumeSegments }) }), {
      afterCommit: noteCommits,
    });
  },
});
