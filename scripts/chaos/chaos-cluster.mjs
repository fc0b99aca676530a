/**
 * A local cluster to which bad things can be done: its store and actors keep journals, every path between its processes runs over a link that can be cut,
 * and what dies is started again without end. It does faults and undoes them; which ones, and when, is the schedule's.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { defaultRestartRules } from '../../packages/cli/dist/cluster/child.js';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';
import { journalVariable } from './journal.mjs';
import { Link } from './link.mjs';

const program = (name) => fileURLToPath(new URL(`./programs/${name}.mjs`, import.meta.url));
const actors = ['actor-0', 'actor-1'];
/** Sequences that an actor generates at once: few, and short chunks, so that work is in hand most of the time. */
export const slots = 3;
const services = ['replay', 'controller', 'trainer', 'reward', ...actors];
/** Who calls whom over gRPC at an address from its configuration. (The controller finds actors in the registry.) */
const calls = [
  ['controller', 'replay'],
  ['controller', 'trainer'],
  ['trainer', 'replay'],
  ['reward', 'replay'],
  ...actors.flatMap((actor) => [
    [actor, 'replay'],
    [actor, 'trainer'],
  ]),
];
const looksEveryMs = 20;

export class ChaosCluster {
  static processes = [...services, 'nats'];
  static links = [...services.map((name) => `${name}>nats`), ...calls.map(([from, to]) => `${from}>${to}`)];

  /** @type {Set<number>} of killed processes */
  killedPids = new Set();
  #links = new Map();
  #downMs = new Map();
  #stopped = new Set();
  #cluster = null;
  #folder;
  #leaseMs;
  #onFailure;

  /**
   * @param {object} options
   * @param {string} options.folder of all data
   * @param {number} options.leaseMs of rollout tasks
   * @param {(error: Error) => void} options.onFailure called when a process cannot be kept alive
   */
  constructor({ folder, leaseMs, onFailure }) {
    this.#folder = folder;
    this.#leaseMs = leaseMs;
    this.#onFailure = onFailure;
  }

  get journalFolder() {
    return join(this.#folder, 'journal');
  }

  async start() {
    const settings = {
      actor: [`leaseMs=${this.#leaseMs}`, `slots=${slots}`, 'chunkTokens=4'],
      reward: [`leaseMs=${this.#leaseMs}`],
      controller: [],
      ...Object.fromEntries(actors.map((name) => [name, []])),
    };
    for (const name of ChaosCluster.links) {
      const [from = '', to = ''] = name.split('>');
      const link = new Link(name, () => this.#addressIfKnown(to));
      this.#links.set(name, link);
      const address = await link.listen();
      settings[from] = [
        ...(settings[from] ?? []),
        to === 'nats' ? `natsUrl=nats://${address}` : `peers.${to}=${address}`,
      ];
    }
    process.env[journalVariable] = this.journalFolder;
    const options = {
      ...defaultClusterOptions,
      dataFolder: this.dataFolder,
      actors: actors.length,
      settings,
      entries: { actor: program('actor'), replay: program('replay') },
      restarts: {
        ...defaultRestartRules,
        maxInARow: Number.POSITIVE_INFINITY,
        pauseMs: (name) => this.#downMs.get(name) ?? 200,
      },
    };
    this.#cluster = new LocalCluster(options, this.#onFailure);
    await this.#cluster.start();
  }

  /** Folder of the services' data. */
  get dataFolder() {
    return join(this.#folder, 'data');
  }

  /** A process that starts for the first time has no address yet. */
  #addressIfKnown(name) {
    try {
      return this.addressOf(name);
    } catch {
      return null;
    }
  }

  /** host:port of a process, around its links. @param {string} name */
  addressOf(name) {
    return this.#child(name).address.address;
  }

  /** @param {string} name */
  isUp(name) {
    const { pid } = this.#child(name);
    return pid !== null && !this.killedPids.has(pid);
  }

  #child(name) {
    return this.#cluster.child(name);
  }

  /** Waits until the process lives, is not stopped, and has not been killed already. */
  async #livePid(name, signal) {
    for (;;) {
      const { pid } = this.#child(name);
      if (pid !== null && !this.killedPids.has(pid) && !this.#stopped.has(name)) return pid;
      await pause(looksEveryMs, undefined, { signal });
    }
  }

  /**
   * Does a fault. What lasts is undone by itself; nobody waits for it.
   * @param {import('./schedule.mjs').Fault} fault
   * @param {AbortSignal} [signal] ends waiting for a process that is down
   */
  async inflict({ kind, targets, forMs, delayMs = 0 }, signal) {
    if (kind === 'kill') {
      for (const name of targets) this.#downMs.set(name, forMs);
      const pids = await Promise.all(targets.map((name) => this.#livePid(name, signal)));
      for (const pid of pids) this.#kill(pid);
      return;
    }
    const [name = ''] = targets;
    if (kind === 'pause') {
      const pid = await this.#livePid(name, signal);
      this.#stopped.add(name);
      process.kill(pid, 'SIGSTOP');
      void pause(forMs).then(() => this.#goOn(name, pid));
      return;
    }
    const link = this.#links.get(name);
    if (kind === 'cut') link.cut();
    else if (kind === 'silence') link.silence();
    else link.slow(delayMs);
    void pause(forMs).then(() => link.heal());
  }

  #kill(pid) {
    this.killedPids.add(pid);
    signalTo(pid, 'SIGKILL');
  }

  #goOn(name, pid) {
    this.#stopped.delete(name);
    signalTo(pid, 'SIGCONT');
  }

  /** Undoes what still lasts. */
  heal() {
    for (const link of this.#links.values()) link.heal();
    for (const name of this.#stopped) this.#goOn(name, this.#child(name).pid);
  }

  async stop() {
    if (this.#cluster === null) return;
    this.heal();
    await this.#cluster.stop();
    for (const link of this.#links.values()) link.close();
  }
}

function signalTo(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself in between.
  }
}
