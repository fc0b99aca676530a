/** Where a version of run `r` comes from that was trained from the one before. */
import type { PolicyOrigin } from '../../dist/policy-store.js';

export const trainedOrigin = (version: number): PolicyOrigin => ({
  runId: 'r',
  version,
  parent: Math.max(0, version - 1),
  origin: 'trained',
  inputHash: 'a'.repeat(64),
  metrics: { loss: version },
});
