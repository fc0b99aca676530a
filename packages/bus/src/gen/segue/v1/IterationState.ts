// Original file: /work/main/protos/segue/v1/replay.proto

export const IterationState = {
  ITERATION_STATE_UNSPECIFIED: 'ITERATION_STATE_UNSPECIFIED',
  ITERATION_STATE_OPEN: 'ITERATION_STATE_OPEN',
  ITERATION_STATE_CLOSED: 'ITERATION_STATE_CLOSED',
  ITERATION_STATE_FROZEN: 'ITERATION_STATE_FROZEN',
  ITERATION_STATE_COMMITTED: 'ITERATION_STATE_COMMITTED',
} as const;

export type IterationState =
  | 'ITERATION_STATE_UNSPECIFIED'
  | 0
  | 'ITERATION_STATE_OPEN'
  | 1
  | 'ITERATION_STATE_CLOSED'
  | 2
  | 'ITERATION_STATE_FROZEN'
  | 3
  | 'ITERATION_STATE_COMMITTED'
  | 4

export type IterationState__Output = typeof IterationState[keyof typeof IterationState]
