/** What a training call streams while it works. */
import type { TrainProgress } from '@segue/core';
import type { PolicyStore, StoredPolicy } from './policy-store.js';

export type Stage = 'load' | 'reference' | 'train' | 'save' | 'done';

export function progress(stage: Stage, step: number, steps: number, metrics: object = {}): TrainProgress {
  return { stage, step, steps, metricsJson: JSON.stringify(metrics), version: null };
}

/** The last message: the version, with what was measured when it was made. */
export function doneProgress(
  store: PolicyStore,
  stored: StoredPolicy,
  metrics: object = stored.manifest.metrics,
): TrainProgress {
  return { ...progress('done', 1, 1, metrics), version: store.info(stored) };
}
