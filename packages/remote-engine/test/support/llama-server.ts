/** llama.cpp's own server, where this machine has one: nothing is downloaded or built for a test. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { llamaServerCommand } from '../../dist/index.js';

/** Path of the program: SEGUE_LLAMA_SERVER, else one on PATH; null when there is none. */
function findLlamaServer(): string | null {
  if (process.env.SEGUE_LLAMA_SERVER) return process.env.SEGUE_LLAMA_SERVER;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, 'llama-server')).find(canRun) ?? null;
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not here, or not to be run.
    return false;
  }
}

const program = findLlamaServer();

/** Why there is nothing to test against; false when there is. */
export const noLlamaServer = program === null && 'no llama-server on PATH (set SEGUE_LLAMA_SERVER)';

/** The command that the documentation gives, with the program that was found. */
export const command: readonly string[] = [program ?? 'llama-server', ...llamaServerCommand.slice(1)];
