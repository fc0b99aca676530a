#!/usr/bin/env node
/**
 * The `segue` command: parses, dispatches, and turns an error into one line on stderr and an exit code (exit-codes.ts).
 */
import { SegueError } from '@segue/core';
import { CommanderError } from 'commander';
import { exitCodeOf } from './exit-codes.js';
import { buildProgram } from './program.js';
import { outliveReaders } from './view/gone-readers.js';

outliveReaders();

try {
  await buildProgram().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
  // The parser has said its own already.
  if (!(error instanceof CommanderError)) {
    const failure = SegueError.from(error);
    process.stderr.write(`segue: ${failure.rawMessage}\n`);
    // A person who did nothing wrong sees no stack; one who looks for a bug of ours asks for it.
    if (process.env.SEGUE_DEBUG) process.stderr.write(`${failure.stack ?? ''}\n`);
  }
}
