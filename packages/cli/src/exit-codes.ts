/** What the exit code of `segue` says to a script: one row per code, and which failure has which. The table is printed in docs/clients.md. */

import { type ErrorCode, SegueError } from '@segue/core';
import { CommanderError } from 'commander';

export const exitCodes = {
  done: { code: 0, meaning: 'Done' },
  failed: { code: 1, meaning: 'It failed: a run that failed, damage, a defect' },
  refused: {
    code: 2,
    meaning:
      'Refused: wrong options, configuration or input, an id that is not there or is taken, a state that does not allow it. The same call will be refused again',
  },
  unavailable: {
    code: 3,
    meaning: 'Not now: the cluster cannot be reached, is too busy or did not answer in time. Try again later',
  },
  notAllowed: { code: 4, meaning: 'Not allowed: no or unknown credentials, or a token without the scope' },
  interrupted: {
    code: 130,
    meaning: 'Interrupted by Ctrl-C, SIGTERM or a terminal that closed; a run is paused and saved',
  },
} as const;

const kindOf: Readonly<Record<ErrorCode, keyof typeof exitCodes>> = {
  INVALID_CONFIG: 'refused',
  INVALID_INPUT: 'refused',
  NOT_FOUND: 'refused',
  ALREADY_EXISTS: 'refused',
  FAILED_PRECONDITION: 'refused',
  UNIMPLEMENTED: 'refused',
  RESOURCE_EXHAUSTED: 'unavailable',
  UNAVAILABLE: 'unavailable',
  DEADLINE_EXCEEDED: 'unavailable',
  UNAUTHENTICATED: 'notAllowed',
  PERMISSION_DENIED: 'notAllowed',
  CANCELLED: 'interrupted',
  DATA_LOSS: 'failed',
  INTERNAL: 'failed',
};

export function exitCodeOf(error: unknown): number {
  // Help and version end by an exception too, with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done.code : exitCodes.refused.code;
  return exitCodes[kindOf[SegueError.from(error).code]].code;
}
