/**
 * The configuration of a run from its sources: a YAML file, the environment (`SEGUE_RUN_*`), then flags. Validation as a whole.
 */
import { readFile } from 'node:fs/promises';
import {
  configFromAssignment,
  configFromEnvironment,
  mergeConfig,
  parseRunConfig,
  type RunConfig,
  requireMap,
  SegueError,
} from '@segue/core';
import { parse } from 'yaml';

/** Refuses bytes that are no text, in place of reading something else there. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

export interface RunConfigSources {
  /** YAML file, or null. */
  readonly file: string | null;
  /** The person named the file; else it is a default that changes with the software. */
  readonly ownFile: boolean;
  /** `key.path=value`, later ones win. */
  readonly assignments: readonly string[];
  /** What dedicated flags said, as nested keys. */
  readonly flags: unknown;
}

export interface ReadConfig {
  readonly config: RunConfig;
  /** What the person gave, file included, for a comparison with a run that exists. */
  readonly asked: unknown;
}

export async function readRunConfig(sources: RunConfigSources): Promise<ReadConfig> {
  const fromFile = sources.file === null ? {} : requireMap(await readYaml(sources.file), sources.file);
  const asked = [
    configFromEnvironment(process.env, 'SEGUE_RUN_'),
    ...sources.assignments.map(configFromAssignment),
    sources.flags,
  ].reduce(mergeConfig, {});
  const given = mergeConfig(fromFile, asked);
  return { config: parseRunConfig(given, sources.file ?? 'configuration'), asked: sources.ownFile ? given : asked };
}

async function readYaml(path: string): Promise<unknown> {
  let text: string;
  try {
    text = utf8.decode(await readFile(path));
  } catch (error) {
    throw new SegueError('INVALID_CONFIG', `${path} cannot be read: ${SegueError.from(error).rawMessage}`, error);
  }
  try {
    return parse(text) ?? {};
  } catch (error) {
    throw new SegueError('INVALID_CONFIG', `${path} is not YAML: ${SegueError.from(error).rawMessage}`, error);
  }
}
