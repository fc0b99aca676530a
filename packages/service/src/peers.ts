/**
 * Typed clients of the other services: by the address in the configuration, else by the registry. Those of actors, which come and go under new
 * addresses, are closed when nobody has asked for them for long.
 */
import {
  type Bus,
  type Client,
  type ConnectOptions,
  connectActor,
  connectController,
  connectReplay,
  connectReward,
  connectScorerList,
  connectTrainer,
  pause,
  type TlsMaterial,
} from '@segue/bus';
import { type ActorApi, type CommonConfig, SegueError, type ServiceName } from '@segue/core';
import type { Peers } from './shell.js';

/** How long a peer may be missing from the registry before a call gives up. */
const lookUpTimeoutMs = 30_000;
const lookUpIntervalMs = 200;
/** How long an address from the registry is believed. */
const believedMs = 3_000;

/** How long an actor's client is kept that nobody asks for: as long as the longest call of one may take, which begins when it is asked for. */
const unusedMs = 60 * 60_000;

type Closable = { readonly address: string; close(): void };

export class PeerClients implements Peers {
  readonly #config: Pick<CommonConfig, 'peers' | 'maxMessageBytes'>;
  readonly #bus: Pick<Bus, 'registrations'>;
  readonly #signal: AbortSignal;
  readonly #tls: TlsMaterial | undefined;
  readonly #now: () => number;
  readonly #clients = new Map<string, Closable>();
  readonly #lookedUpAtMs = new Map<string, number>();
  /** When an actor's client was asked for last, by its key. */
  readonly #usedAtMs = new Map<string, number>();

  /** @param signal ends waiting for a peer @param tls by which peers know this service @param now a clock in ms that never goes back */
  constructor(
    config: Pick<CommonConfig, 'peers' | 'maxMessageBytes'>,
    bus: Pick<Bus, 'registrations'>,
    signal: AbortSignal,
    tls?: TlsMaterial,
    now: () => number = () => performance.now(),
  ) {
    this.#config = config;
    this.#bus = bus;
    this.#signal = signal;
    this.#tls = tls;
    this.#now = now;
  }

  replay = () => this.#open('replay', connectReplay);
  trainer = () => this.#open('trainer', connectTrainer);
  reward = () => this.#open('reward', connectReward);
  scorerList = () => this.#open('reward', connectScorerList, 'scorer list');
  controller = () => this.#open('controller', connectController);

  actor(address: string): Client<ActorApi> {
    const key = `actor ${address}`;
    if (!this.#clients.has(key)) this.#closeUnused();
    this.#usedAtMs.set(key, this.#now());
    return this.#at(key, address, connectActor);
  }

  #closeUnused(): void {
    for (const [key, usedAtMs] of this.#usedAtMs) {
      if (this.#now() - usedAtMs < unusedMs) continue;
      this.#clients.get(key)?.close();
      this.#clients.delete(key);
      this.#usedAtMs.delete(key);
    }
  }

  async #open<C extends Closable>(
    service: 'replay' | 'trainer' | 'reward' | 'controller',
    connect: (address: string, options: ConnectOptions) => C,
    key: string = service,
  ): Promise<C> {
    const address = this.#config.peers[service] ?? (await this.#lookUp(service));
    return this.#at(key, address, connect);
  }

  /** One connection per peer; a peer that moved gets a new one. */
  #at<C extends Closable>(key: string, address: string, connect: (address: string, options: ConnectOptions) => C): C {
    const known = this.#clients.get(key);
    // The key names the kind of client, so what was stored under it is a C.
    if (known?.address === address) return known as C;
    known?.close();
    const made = connect(address, { maxMessageBytes: this.#config.maxMessageBytes, tls: this.#tls });
    this.#clients.set(key, made);
    return made;
  }

  async #lookUp(service: ServiceName): Promise<string> {
    const known = this.#clients.get(service);
    const believedSinceMs = this.#lookedUpAtMs.get(service) ?? Number.NEGATIVE_INFINITY;
    if (known && performance.now() - believedSinceMs < believedMs) return known.address;
    const untilMs = performance.now() + lookUpTimeoutMs;
    for (;;) {
      const entries = await this.#bus.registrations(service);
      const newest = entries.sort((a, b) => b.seenAtMs - a.seenAtMs)[0];
      // A peer that was there a moment ago is most likely starting again at its old address.
      const address = newest?.address ?? known?.address;
      if (address !== undefined) {
        this.#lookedUpAtMs.set(service, performance.now());
        return address;
      }
      if (this.#signal.aborted || performance.now() > untilMs) {
        throw new SegueError(
          'UNAVAILABLE',
          `no ${service} service has registered; start one, or give its address as peers.${service}`,
        );
      }
      await pause(lookUpIntervalMs, this.#signal);
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    this.#usedAtMs.clear();
  }
}
