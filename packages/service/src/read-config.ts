/**
 * The configuration of a service from its sources: a YAML file, the environment, then flags; validated as a whole.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import {
  type CommonConfig,
  type ConfigSchema,
  configFromAssignment,
  configFromEnvironment,
  mergeConfig,
  parseConfig,
  requireMap,
  SegueError,
} from '@segue/core';
import { parse } from 'yaml';

/** Refuses bytes that are no text, in place of reading something else there. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

export interface ReadConfig<C> {
  readonly config: C;
  /** End when stdin ends: the supervisor's leash. */
  readonly stopOnStdinEnd: boolean;
}

/** @param args command line without node and script */
export function readConfig<C extends CommonConfig>(
  name: string,
  schema: ConfigSchema<C>,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): ReadConfig<C> {
  const { values } = readFlags(name, args);
  const shared = environment.SEGUE_NATS_URL === undefined ? {} : { natsUrl: environment.SEGUE_NATS_URL };
  const layers: unknown[] = [
    values.config === undefined ? {} : requireMap(readYaml(values.config), values.config),
    shared,
    // SEGUE_ACTOR_SLOTS=32
    configFromEnvironment(environment, `SEGUE_${name.toUpperCase()}_`),
    ...(values.set ?? []).map(configFromAssignment),
    {
      ...(values.id !== undefined && { id: values.id }),
      ...(values.host !== undefined && { host: values.host }),
      ...(values.port !== undefined && { port: portOf(values.port, 'port') }),
      ...(values['metrics-port'] !== undefined && { metricsPort: portOf(values['metrics-port'], 'metrics-port') }),
      ...(values.insecure && { insecure: true }),
    },
  ];
  const input = withHostName(layers.reduce(mergeConfig, {}), hostname());
  const config = parseConfig(schema, input, values.config ?? `configuration of ${name}`);
  return { config, stopOnStdinEnd: values['stop-on-stdin-end'] ?? false };
}

/**
 * Puts this machine's name where `id` and `advertisedHost` say `{hostname}`, so that replicas of one container need no settings of their own. An id
 * takes it in lower case, with `-` for what no id may hold.
 */
export function withHostName(input: unknown, host: string): unknown {
  // Every source was a map.
  const { id, advertisedHost } = input as Readonly<Record<string, unknown>>;
  const part = host.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  return mergeConfig(input, {
    ...(typeof id === 'string' && { id: id.replaceAll('{hostname}', part) }),
    ...(typeof advertisedHost === 'string' && { advertisedHost: advertisedHost.replaceAll('{hostname}', host) }),
  });
}

function readFlags(name: string, args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        config: { type: 'string' },
        set: { type: 'string', multiple: true },
        id: { type: 'string' },
        host: { type: 'string' },
        port: { type: 'string' },
        'metrics-port': { type: 'string' },
        insecure: { type: 'boolean' },
        'stop-on-stdin-end': { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new SegueError('INVALID_CONFIG', `${name}: ${SegueError.from(error).rawMessage}`, error);
  }
}

function portOf(text: string, flag: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new SegueError('INVALID_CONFIG', `--${flag} must be 0 to 65535, got ${JSON.stringify(text)}`);
  }
  return port;
}

function readYaml(path: string): unknown {
  try {
    return parse(utf8.decode(readFileSync(path))) ?? {};
  } catch (error) {
    // The parser goes on with the lines of the file, in which a password may stand.
    const [reason] = SegueError.from(error).rawMessage.split('\n');
    throw new SegueError('INVALID_CONFIG', `${path} cannot be read: ${reason}`);
  }
}
