// Original file: protos/segue/v1/controller.proto

export const RunState = {
  RUN_STATE_UNSPECIFIED: 'RUN_STATE_UNSPECIFIED',
  RUN_STATE_CREATED: 'RUN_STATE_CREATED',
  RUN_STATE_RUNNING: 'RUN_STATE_RUNNING',
  RUN_STATE_PAUSED: 'RUN_STATE_PAUSED',
  RUN_STATE_STOPPED: 'RUN_STATE_STOPPED',
  RUN_STATE_FINISHED: 'RUN_STATE_FINISHED',
  /**
   * Ended by an error that work cannot go past; `error` says which.
   */
  RUN_STATE_FAILED: 'RUN_STATE_FAILED',
} as const;

export type RunState =
  | 'RUN_STATE_UNSPECIFIED'
  | 0
  | 'RUN_STATE_CREATED'
  | 1
  | 'RUN_STATE_RUNNING'
  | 2
  | 'RUN_STATE_PAUSED'
  | 3
  | 'RUN_STATE_STOPPED'
  | 4
  | 'RUN_STATE_FINISHED'
  | 5
  /**
   * Ended by an error that work cannot go past; `error` says which.
   */
  | 'RUN_STATE_FAILED'
  | 6

export type RunState__Output = typeof RunState[keyof typeof RunState]
