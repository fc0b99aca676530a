/** llama.cpp's own server, where this machine has one: nothing is downloaded or built for a test. */
import { findProgram } from '../../../../scripts/lib/find-program.mjs';
import { llamaServerCommand } from '../../dist/index.js';

const program = findProgram('SEGUE_LLAMA_SERVER', 'llama-server');

/** Why there is nothing to test against; false when there is. */
export const noLlamaServer = program === null && 'no llama-server on PATH (set SEGUE_LLAMA_SERVER)';

/** The command that the documentation gives, with the program that was found. */
export const command: readonly string[] = [program ?? 'llama-server', ...llamaServerCommand.slice(1)];
