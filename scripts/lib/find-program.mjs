/** Programs that some machines have and others have not: nothing is installed here, and nothing is started. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Path of a program: the one that the environment names, else the first of these names that PATH leads to; null when there is none.
 * @param {string} variable of the environment
 * @param {...string} names
 * @returns {string | null}
 */
export function findProgram(variable, ...names) {
  const named = process.env[variable];
  if (named) return named;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isExecutable) ?? null;
}

/** @param {string} path */
export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not here, or not to be run.
    return false;
  }
}
