/** What the page knows of a run: a fold over its events, oldest first. */
import type { EvaluationEvent, IterationEvent, PhaseEvent, ProgressEvent, RunEventOf, WarmupEvent } from '@segue/core';

export interface RunState {
  sequence: number;
  phase: PhaseEvent | null;
  phaseSinceMs: number;
  warmup: WarmupEvent | null;
  progress: ProgressEvent | null;
  readonly iterations: IterationEvent[];
  /** The newest iteration that has begun to roll out: evaluations are counted on beyond it. */
  lastIteration: number;
  readonly evaluations: EvaluationEvent[];
  state: string;
  error: string | null;
}

export function newRunState(): RunState {
  return {
    sequence: 0,
    phase: null,
    phaseSinceMs: 0,
    warmup: null,
    progress: null,
    iterations: [],
    lastIteration: 0,
    evaluations: [],
    state: 'created',
    error: null,
  };
}

/** Takes an event in; one that was seen before, or of a kind that this page does not know, changes nothing. */
export function takeEvent(run: RunState, event: RunEventOf): void {
  if (event.sequence <= run.sequence) return;
  run.sequence = event.sequence;
  if (event.kind === 'phase') {
    run.phase = event.body;
    run.phaseSinceMs = event.atMs;
    run.progress = null;
    if (event.body.phase === 'rollout') run.lastIteration = Math.max(run.lastIteration, event.body.iteration);
  } else if (event.kind === 'warmup') run.warmup = event.body;
  else if (event.kind === 'progress') run.progress = event.body;
  else if (event.kind === 'iteration') {
    run.iterations.push(event.body);
    run.lastIteration = Math.max(run.lastIteration, event.body.iteration);
  } else if (event.kind === 'evaluation') run.evaluations.push(event.body);
  else if (event.kind === 'state') {
    run.state = event.body.state;
    run.error = event.body.error;
  }
}
