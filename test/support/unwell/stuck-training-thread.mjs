/** A training thread, with one change: one update of all never comes back. */
import { TrainingEngine } from '../../../packages/engine/dist/train/training-engine.js';
import { runEndlessly } from './endless-run.mjs';
import { isFirst } from './once.mjs';

const { policyGradients } = TrainingEngine.prototype;
TrainingEngine.prototype.policyGradients = async function (rows, options) {
  if (await isFirst('STUCK_UPDATE')) await runEndlessly();
  return policyGradients.call(this, rows, options);
};
await import('../../../packages/engine/dist/train/thread-entry.js');
