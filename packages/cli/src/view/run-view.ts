/**
 * What a watcher knows of a run: a pure fold over its events. The terminal, the JSON lines, the pictures and the summary all read
 * this; none of them reads events itself.
 */
import type {
  EvaluationEvent,
  IterationEvent,
  Phase,
  ProgressEvent,
  RunEventOf,
  TrainEvent,
  WaitingEvent,
  WarmupEvent,
} from '@segue/core';

export interface RunViewState {
  readonly sequence: number;
  readonly phase: Phase;
  readonly phaseSinceMs: number;
  /** Iteration under way, from 0. */
  readonly iteration: number;
  readonly iterations: readonly IterationEvent[];
  readonly evaluations: readonly EvaluationEvent[];
  readonly warmup: WarmupEvent | null;
  readonly progress: ProgressEvent | null;
  readonly train: TrainEvent | null;
  readonly waiting: WaitingEvent | null;
  readonly state: string;
  readonly error: string | null;
}

export const emptyRunView: RunViewState = {
  sequence: 0,
  phase: 'idle',
  phaseSinceMs: 0,
  iteration: 0,
  iterations: [],
  evaluations: [],
  warmup: null,
  progress: null,
  train: null,
  waiting: null,
  state: 'created',
  error: null,
};

/** Adds one event. Events that were seen before (by sequence) change nothing. */
export function foldEvent(view: RunViewState, event: RunEventOf): RunViewState {
  if (event.sequence <= view.sequence) return view;
  const next = { ...view, sequence: event.sequence };
  switch (event.kind) {
    case 'phase':
      return {
        ...next,
        phase: event.body.phase,
        iteration: event.body.iteration,
        phaseSinceMs: event.atMs,
        progress: null,
        train: null,
        waiting: null,
      };
    case 'warmup':
      return { ...next, warmup: event.body };
    case 'evaluation':
      return { ...next, evaluations: [...view.evaluations, event.body] };
    case 'progress':
      return { ...next, progress: event.body };
    case 'train':
      return { ...next, train: event.body };
    case 'iteration':
      return { ...next, iterations: [...view.iterations, event.body] };
    case 'waiting':
      return { ...next, waiting: event.body };
    case 'state':
      return { ...next, state: event.body.state, error: event.body.error };
    default:
      return next;
  }
}

/** The evaluation of one moment at (or nearest above) a temperature: greedy is 0. */
export function evaluationAt(
  view: RunViewState,
  when: EvaluationEvent['when'],
  kind: 'sampled' | 'greedy',
): EvaluationEvent | null {
  const match = (e: EvaluationEvent) => e.when === when && (kind === 'greedy') === (e.temperature === 0);
  return view.evaluations.findLast(match) ?? null;
}
