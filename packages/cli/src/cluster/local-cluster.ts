/**
 * The local cluster: a nats-server and the five services as processes of this machine, every port chosen free and written to
 * `<data>/cluster.json`. Starts in order, stops in reverse, starts again what dies.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { printableUrl, watchStreams } from '@segue/bus';
import type { ClientCredentials } from '@segue/client';
import { memorySettings, SegueError, type ServiceName } from '@segue/core';
import type { ClusterSecurity } from '../security/cluster-security.js';
import { operatorCredentials } from '../security/operator.js';
import { requireNoRestore } from '../store/unfinished-restore.js';
import { BrokerWatch, freeBytesOf, isDiskFull } from './broker-watch.js';
import { Child, type ChildSpec, defaultRestartRules, type ReadyLine, type RestartRules } from './child.js';
import { closeFiles } from './closed-folder.js';
import { colocatedSettings, removeSharedFolder } from './colocated.js';
import { FolderLock } from './folder-lock.js';
import { endOrphan, findNatsServer, natsSpec } from './nats-server.js';
import { isRunning, startOf } from './process-identity.js';
import { serviceEntry } from './service-process.js';
import { requireFreeServer } from './shared-server.js';
import { boundSupervisorHeap } from './supervisor-heap.js';

export interface ClusterOptions {
  /** Folder of all data, `.segue` by default. */
  readonly dataFolder: string;
  readonly actors: number;
  /** Engine threads of the trainer. */
  readonly trainerThreads: number;
  /** Settings per service, or of one process by its name (`actor-0`), as `key=value`. */
  readonly settings: Readonly<Record<string, readonly string[] | undefined>>;
  /** Asks everybody for credentials: certificates, tokens, users of the message server, all in `<data>/security`. */
  readonly secure: boolean;
  /** Trainer and actor take turns on one device, in place of having one each. */
  readonly colocated?: boolean;
  /** Starts these services alone, for reading a store; all when left out. */
  readonly only?: readonly ServiceName[];
  /** Programs to start in place of a service's own; for tests. */
  readonly entries?: Readonly<Partial<Record<ServiceName, string>>>;
  /** How what dies is started again; ten times in a row when left out. */
  readonly restarts?: RestartRules;
}

/** What `cluster.json` holds, so that other commands find the cluster. */
export interface ClusterState {
  readonly supervisorPid: number;
  /** Tells it from a later process with its number; null where that cannot be read, and not in files of earlier versions. */
  readonly supervisorStartedAt?: string | null;
  /** Folder of the credentials; null where none are asked for. */
  readonly security: string | null;
  readonly natsUrl: string;
  readonly controller: string;
  readonly processes: readonly ({ readonly name: string; readonly pid: number | null } & ReadyLine)[];
}

const readyTimeoutMs = 60_000;
/** Longer than a service takes to give up by itself (its stopTimeoutMs). */
const stopTimeoutMs = 25_000;

export const defaultClusterOptions: Omit<ClusterOptions, 'dataFolder'> = {
  actors: 2,
  trainerThreads: Math.min(2, availableParallelism()),
  settings: {},
  secure: false,
};

export class LocalCluster {
  readonly #options: ClusterOptions;
  readonly #children: Child[] = [];
  readonly #onFailure: (error: SegueError) => void;
  #natsUrl = '';
  #lock: FolderLock | null = null;
  #brokerWatch: BrokerWatch | null = null;
  #security: ClusterSecurity | null = null;
  /** `cluster.json` tells of this cluster. Before, it may tell which services an earlier one has left behind. */
  #isTold = false;

  /** @param onFailure called when a process cannot be kept alive */
  constructor(options: ClusterOptions, onFailure: (error: SegueError) => void) {
    this.#options = options;
    this.#onFailure = onFailure;
  }

  get controllerAddress(): string {
    return this.child('controller').address.address;
  }

  /** What a client of the person who started it shows. */
  get credentials(): ClientCredentials {
    return this.#security?.client ?? {};
  }

  child(name: string): Child {
    const child = this.#children.find((c) => c.spec.name === name);
    if (!child) throw new SegueError('NOT_FOUND', `the local cluster has no process ${name}`);
    return child;
  }

  /**
   * Starts all processes; on failure what was started is stopped again.
   * @param signal ends the start like a failure: what is not ready yet is not waited for
   */
  async start(signal?: AbortSignal): Promise<void> {
    boundSupervisorHeap();
    if (this.#options.secure) await closeFiles(this.#options.dataFolder);
    this.#lock = await FolderLock.take(this.#options.dataFolder);
    const logs = join(this.#options.dataFolder, 'logs');
    await mkdir(logs, { recursive: true });
    try {
      await requireNoRestore(resolve(this.#options.dataFolder));
      if (this.#options.secure) this.#security = await this.#secure();
      this.#natsUrl = (await this.#sharedNats(signal)) ?? (await this.#startNats(logs, signal));
      for (const group of startOrder(this.#options)) {
        await Promise.all(group.map(([service, name]) => this.#startService(service, name, logs, signal)));
      }
      // A cluster without a controller is nobody's to find.
      if (this.#options.only) return;
      await this.#writeState();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async #secure(): Promise<ClusterSecurity> {
    // What a part of a cluster is started for has a server of its own anyway.
    if (!this.#options.only && process.env.SEGUE_NATS_URL !== undefined) {
      throw new SegueError(
        'INVALID_CONFIG',
        '--secure starts a message server with users of its own: unset SEGUE_NATS_URL',
      );
    }
    // Loaded by those alone who need it: the library of certificates is large.
    const { ensureSecurity } = await import('../security/cluster-security.js');
    return ensureSecurity(securityFolder(this.#options.dataFolder));
  }

  /** URL of the server that runs already, null for one of its own. Who reads a store alone takes no part in what is shared: its store would take others' messages. */
  async #sharedNats(signal?: AbortSignal): Promise<string | null> {
    const url = process.env.SEGUE_NATS_URL;
    if (url === undefined || this.#options.only) return null;
    const before = await readState(this.#options.dataFolder);
    const own = new Set(before?.processes.map(({ address }) => address));
    await requireFreeServer({ url, own }, signal);
    return url;
  }

  async #startNats(logs: string, signal?: AbortSignal): Promise<string> {
    const binary = await findNatsServer(this.#options.dataFolder);
    const storeFolder = resolve(this.#options.dataFolder, 'nats');
    await mkdir(storeFolder, { recursive: true });
    await endOrphan(storeFolder);
    const configFile = this.#security?.natsConfigFile ?? null;
    const spec = natsSpec({ binary, storeFolder, logFile: join(logs, 'nats.log'), configFile });
    const broker = await this.#startChild({ ...spec, readyTimeoutMs }, storeFolder, signal);
    const url = `nats://${broker.address.address}`;
    this.#brokerWatch = new BrokerWatch({
      freeBytes: () => freeBytesOf(storeFolder),
      streams: watchStreams({ url, name: 'supervisor', ...this.#security?.busAccess() }),
      startedAtMs: () => broker.startedAtMs,
      restart: (why) => broker.restart(why),
    });
    this.#brokerWatch.start();
    return url;
  }

  async #startService(service: ServiceName, name: string, logs: string, signal?: AbortSignal): Promise<void> {
    const settings = [
      `dataFolder=${resolve(this.#options.dataFolder)}`,
      ...(service === 'trainer' ? [`threads=${this.#options.trainerThreads}`] : []),
      ...this.#turnSettings(service),
      ...(this.#security?.settingsOf(service) ?? []),
      ...(this.#options.settings[service] ?? []),
      ...(name === service ? [] : (this.#options.settings[name] ?? [])),
    ];
    // The service picks free ports itself; they stay the same over a restart, so that peers find it again.
    const args = (before: ReadyLine | null) => [
      this.#options.entries?.[service] ?? serviceEntry(service),
      ...['--id', name],
      ...['--port', portOf(before?.address)],
      ...['--metrics-port', portOf(before?.metricsAddress)],
      '--stop-on-stdin-end',
      ...settings.flatMap((setting) => ['--set', setting]),
    ];
    const logFile = join(logs, `${name}.log`);
    const command = process.execPath;
    // Not among the arguments, which everybody on the machine can read: a password may stand in it.
    const env = { ...memorySettings(process.env), SEGUE_NATS_URL: this.#natsUrl };
    const spec = { name, command, args, logFile, ready: readServiceReady, readyTimeoutMs, leash: true, env };
    await this.#startChild(spec, this.#options.dataFolder, signal);
  }

  #turnSettings(service: ServiceName): readonly string[] {
    const { colocated, dataFolder, actors } = this.#options;
    if (!colocated || (service !== 'actor' && service !== 'trainer')) return [];
    return colocatedSettings(dataFolder, actors)[service];
  }

  /** @param folder of what it writes */
  async #startChild(
    spec: Omit<ChildSpec, 'restarts' | 'isHindered'>,
    folder: string,
    signal?: AbortSignal,
  ): Promise<Child> {
    const restarts = this.#options.restarts ?? defaultRestartRules;
    const child = new Child({ ...spec, restarts, isHindered: () => isDiskFull(folder) }, this.#onFailure);
    this.#children.push(child);
    await child.start(signal);
    return child;
  }

  async #writeState(): Promise<void> {
    const state: ClusterState = {
      supervisorPid: process.pid,
      supervisorStartedAt: await startOf(process.pid),
      security: this.#security ? securityFolder(this.#options.dataFolder) : null,
      natsUrl: printableUrl(this.#natsUrl),
      controller: this.controllerAddress,
      processes: this.#children.map((child) => ({ name: child.spec.name, pid: child.pid, ...child.address })),
    };
    this.#isTold = true;
    await writeFile(statePath(this.#options.dataFolder), `${JSON.stringify(state, null, 2)}\n`);
  }

  /** Ends all processes before it returns, for a supervisor that ends without waiting: the message server would outlive it. */
  kill(): void {
    for (const child of this.#children) child.kill();
  }

  /** Stops in reverse order: actors save what they generate while store and broker still run. */
  async stop(): Promise<void> {
    await this.#brokerWatch?.stop();
    const services = this.#children.filter((child) => child.spec.leash);
    const isActor = (child: Child) => child.spec.name.startsWith('actor');
    const last = (child: Child) => child.spec.name === 'replay';
    await Promise.all(services.filter((c) => c.spec.name === 'controller').map((child) => child.stop(stopTimeoutMs)));
    await Promise.all(services.filter(isActor).map((child) => child.stop(stopTimeoutMs)));
    await Promise.all(services.filter((c) => !isActor(c) && !last(c)).map((child) => child.stop(stopTimeoutMs)));
    await Promise.all(services.filter(last).map((child) => child.stop(stopTimeoutMs)));
    await Promise.all(this.#children.filter((child) => !child.spec.leash).map((child) => child.stop(stopTimeoutMs)));
    if (!this.#lock) return;
    if (this.#isTold) await rm(statePath(this.#options.dataFolder), { force: true });
    if (this.#options.colocated) await removeSharedFolder(this.#options.dataFolder);
    await this.#lock.release();
    this.#lock = null;
  }
}

/** Services by name, in groups that start together: the store first, since everybody reads it. */
function startOrder({ actors, only }: ClusterOptions): [ServiceName, string][][] {
  const groups: [ServiceName, string][][] = [
    [['replay', 'replay']],
    [
      ['controller', 'controller'],
      ['trainer', 'trainer'],
      ['reward', 'reward'],
      ...Array.from({ length: actors }, (_, i): [ServiceName, string] => ['actor', `actor-${i}`]),
    ],
  ];
  return groups.map((group) => group.filter(([service]) => only?.includes(service) ?? true));
}

/** 0 picks a free one. */
function portOf(address: string | undefined): string {
  return address?.split(':').at(-1) ?? '0';
}

/** Where a secure cluster keeps its credentials. */
export function securityFolder(dataFolder: string): string {
  return join(resolve(dataFolder), 'security');
}

/** What the person who started a cluster shows to it. */
export function credentialsOf({ security }: ClusterState): ClientCredentials {
  // A cluster of an earlier version says nothing of it.
  return security ? operatorCredentials(security) : {};
}

function statePath(dataFolder: string): string {
  return join(dataFolder, 'cluster.json');
}

/** The state of the cluster that runs on `dataFolder`, or null when none does. */
export async function readClusterState(dataFolder: string): Promise<ClusterState | null> {
  const state = await readState(dataFolder);
  // A supervisor that was killed, or that a restart of the machine ended, leaves the file behind.
  return state && (await isRunning(state.supervisorPid, state.supervisorStartedAt)) ? state : null;
}

/** Of a cluster that runs, or that a killed supervisor had. */
async function readState(dataFolder: string): Promise<ClusterState | null> {
  try {
    return JSON.parse(await readFile(statePath(dataFolder), 'utf8')) as ClusterState;
  } catch {
    // No file, or half a file: there is no cluster.
    return null;
  }
}

/** Reads `{"ready":true,"address":...,"metricsAddress":...}`. */
export function readServiceReady(line: string): ReadyLine | null {
  if (!line.startsWith('{"ready":true')) return null;
  const { address, metricsAddress } = JSON.parse(line) as ReadyLine;
  return { address, metricsAddress };
}
