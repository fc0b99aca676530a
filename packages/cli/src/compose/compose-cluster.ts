/**
 * The cluster of deploy/docker-compose.yml, as `segue up --compose` starts it: up, restart what began before its credentials were renewed, wait until all is
 * healthy, fetch the operator's credentials, so that other commands find it through the data folder.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientCredentials } from '@segue/client';
import { SegueError } from '@segue/core';
import { ComposeCommand } from './compose-command.js';
import { servicesToRestart } from './renewed.js';

const lookIntervalMs = 500;

export interface ComposeOptions {
  readonly dataFolder: string;
  readonly actors: number;
  /** Actors and trainer on NVIDIA devices, in place of those on CPUs. */
  readonly gpu: boolean;
  readonly grafana: boolean;
  /** Build the image though there is one. */
  readonly build: boolean;
  /** Until every container is healthy. */
  readonly timeoutMs: number;
}

/** What `<data>/compose/cluster.json` holds: addresses as this machine reaches them. */
export interface ComposeState {
  readonly controller: string;
  readonly page: string;
  readonly prometheus: string;
  readonly grafana: string | null;
}

export async function composeUp(options: ComposeOptions, tell: (text: string) => void): Promise<ComposeState> {
  const compose = await commandOf(options);
  await compose.show('up', '--detach', ...(options.build ? ['--build'] : []));
  await useRenewedCredentials(compose, tell);
  await healthy(compose, options.timeoutMs, tell);
  const folder = composeFolder(options.dataFolder);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await compose.copyFrom('prepare', '/credentials/clients/operator', folder);
  const portOf = async (service: string, port: number) => local(await compose.ask('port', service, String(port)));
  const state: ComposeState = {
    controller: await portOf('controller', 7400),
    page: `http://${await portOf('controller', 7500)}`,
    prometheus: `http://${await portOf('prometheus', 9090)}`,
    grafana: options.grafana ? `http://${await portOf('grafana', 3000)}` : null,
  };
  await writeFile(statePath(options.dataFolder), `${JSON.stringify(state, null, 2)}\n`);
  return state;
}

/** @param volumes remove what was learned and the credentials too */
export async function composeDown(dataFolder: string, volumes: boolean): Promise<void> {
  const compose = await ComposeCommand.find(['gpu', 'grafana', 'tools'], {});
  await compose.show('down', ...(volumes ? ['--volumes'] : []));
  await rm(composeFolder(dataFolder), { recursive: true, force: true });
}

/** The cluster in containers that was started with this data folder, or null. Whether it still runs is for the call to find out. */
export async function readComposeState(dataFolder: string): Promise<ComposeState | null> {
  try {
    return JSON.parse(await readFile(statePath(dataFolder), 'utf8')) as ComposeState;
  } catch {
    // Nobody started one, or it was taken down.
    return null;
  }
}

/** The operator's, as they were fetched. */
export function composeCredentials(dataFolder: string): ClientCredentials {
  const folder = join(composeFolder(dataFolder), 'operator');
  return {
    ca: join(folder, 'ca.pem'),
    cert: join(folder, 'tls.pem'),
    key: join(folder, 'tls.key'),
    tokenFile: join(folder, 'client.token'),
  };
}

function commandOf({ actors, gpu, grafana }: ComposeOptions): Promise<ComposeCommand> {
  const profiles = [...(gpu ? ['gpu'] : []), ...(grafana ? ['grafana'] : [])];
  const counts: Record<string, string> = gpu
    ? { SEGUE_ACTORS: '0', SEGUE_TRAINERS: '0', SEGUE_GPU_ACTORS: String(actors) }
    : { SEGUE_ACTORS: String(actors), SEGUE_TRAINERS: '1' };
  return ComposeCommand.find(profiles, counts);
}

/** Services read their certificates at their start, and `up` leaves running containers as they are. Runs go on where they were. */
async function useRenewedCredentials(compose: ComposeCommand, tell: (text: string) => void): Promise<void> {
  const services = servicesToRestart(await compose.log('prepare'), await compose.running());
  if (services.length === 0) return;
  tell(`credentials were renewed: restarting ${services.join(', ')}`);
  await compose.show('restart', ...services);
}

async function healthy(compose: ComposeCommand, timeoutMs: number, tell: (text: string) => void): Promise<void> {
  const deadlineAtMs = performance.now() + timeoutMs;
  let told = '';
  for (;;) {
    const states = [...(await compose.states())];
    const waiting = states.filter(([, state]) => state !== 'running healthy' && state !== 'exited 0');
    if (waiting.length === 0) return;
    const list = waiting.map(([name, state]) => `${name} is ${state}`).join(', ');
    if (performance.now() > deadlineAtMs) {
      throw new SegueError('DEADLINE_EXCEEDED', `after ${timeoutMs / 1_000} s ${list}: see docker logs NAME`);
    }
    const names = waiting.map(([name]) => name).join(', ');
    if (names !== told) tell(`waiting for ${names}`);
    told = names;
    await sleep(lookIntervalMs);
  }
}

/** A port that is published everywhere is reached through this machine's own name; the certificate says localhost. */
function local(published: string): string {
  return published.replace(/^(0\.0\.0\.0|127\.0\.0\.1|\[::\]):/, 'localhost:');
}

function composeFolder(dataFolder: string): string {
  return join(dataFolder, 'compose');
}

function statePath(dataFolder: string): string {
  return join(composeFolder(dataFolder), 'cluster.json');
}
