/** The actor's process with a journal: every chunk of its engine, every segment before and after the stream has it. Nothing else differs. */
import { buildActor } from '@segue/actor';
import { actorConfigSchema, hashTokens } from '@segue/core';
import { runService } from '@segue/service';
import { openJournal } from '../journal.mjs';
import { withOther } from './with-other.mjs';

const journal = openJournal('actor');
const engineEntry = new URL('./engine-thread.mjs', import.meta.url);

/** What names a segment: its trajectory and place, the hash of all tokens up to its end, and the try that wrote it. */
function describe({ trajectoryId, index, attempt, iteration, policyVersion, tokens, prefixHash, endReason }) {
  const hash = hashTokens(tokens, prefixHash);
  return { trajectoryId, index, hash, tokens: tokens.length, attempt, iteration, policyVersion, endReason };
}

await runService({
  name: 'actor',
  schema: actorConfigSchema,
  build: (shell) => {
    journal.write('began', { id: shell.config.id });
    const publishSegment = async (runId, segment) => {
      const fields = describe(segment);
      journal.write('publishing', fields);
      await shell.bus.publishSegment(runId, segment);
      journal.write('published', fields);
    };
    return buildActor(withOther(shell, { bus: withOther(shell.bus, { publishSegment }) }), engineEntry);
  },
});
