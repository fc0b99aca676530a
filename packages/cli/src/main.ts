#!/usr/bin/env node
/**
 * The `segue` command: parses, dispatches, and turns an error into one line and an exit code.
 * Exit codes: 0 done, 1 failed, 2 refused input or configuration, 130 interrupted.
 */
import { SegueError } from '@segue/core';
import { buildProgram } from './program.js';

const refusals: ReadonlySet<string> = new Set([
  'INVALID_CONFIG',
  'INVALID_INPUT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'FAILED_PRECONDITION',
]);

try {
  await buildProgram().parseAsync();
} catch (error) {
  const failure = SegueError.from(error);
  process.stderr.write(`segue: ${failure.rawMessage}\n`);
  // A person who did nothing wrong sees no stack; one who looks for a bug of ours asks for it.
  if (process.env.SEGUE_DEBUG) process.stderr.write(`${failure.stack ?? ''}\n`);
  process.exitCode = refusals.has(failure.code) ? 2 : 1;
}
