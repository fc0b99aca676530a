/** The thread of an actor's engine, with one change: one chunk of all never comes back. */
import { LocalEngine } from '../../../packages/engine/dist/generate/local-engine.js';
import { runEndlessly } from './endless-run.mjs';
import { isFirst } from './once.mjs';

const { generateChunk } = LocalEngine.prototype;
LocalEngine.prototype.generateChunk = async function () {
  if (await isFirst('STUCK_CHUNK')) await runEndlessly();
  return generateChunk.call(this);
};
await import('../../../packages/engine/dist/generate/engine-thread.js');
