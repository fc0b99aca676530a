/** The thread of an actor's engine with a journal: how many tokens each chunk generated, also those of a segment that is never published. */
import { LocalEngine } from '../../../packages/engine/dist/generate/local-engine.js';
import { openJournal } from '../journal.mjs';

const journal = openJournal('engine');
const { generateChunk } = LocalEngine.prototype;
LocalEngine.prototype.generateChunk = async function () {
  const report = await generateChunk.call(this);
  if (report.tokens > 0) journal.write('chunk', { tokens: report.tokens });
  return report;
};
await import('../../../packages/engine/dist/generate/engine-thread.js');
