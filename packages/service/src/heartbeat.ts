/**
 * What a service says about itself to the registry, about once a second and whenever there is news.
 */
import { type Bus, pause, type Registration } from '@segue/bus';
import { SegueError, type ServiceName } from '@segue/core';
import type { Logger } from 'pino';

const intervalMs = 1_000;

/** What a service that says nothing more is registered with. */
const quiet = { policyVersion: null, slots: 0, running: 0, flushedIteration: null, runId: '', published: {} } as const;

export class Heartbeat {
  readonly #bus: Bus;
  readonly #service: ServiceName;
  readonly #id: string;
  readonly #log: Logger;
  readonly #stopping = new AbortController();
  #addresses: { readonly address: string; readonly metricsAddress: string } | null = null;
  #content: () => Partial<Registration> = () => ({});
  #loop: Promise<void> = Promise.resolve();

  constructor(bus: Bus, service: ServiceName, id: string, log: Logger) {
    this.#bus = bus;
    this.#service = service;
    this.#id = id;
    this.#log = log;
  }

  /** What the heartbeat carries beside id and addresses. */
  carry(content: () => Partial<Registration>): void {
    this.#content = content;
  }

  /** The first beat; the rest follow by themselves. */
  async start(addresses: { readonly address: string; readonly metricsAddress: string }): Promise<void> {
    this.#addresses = addresses;
    // Of many that begin at once some find the registry full until the store has made room: the next beat tells.
    await this.#unlessFull(this.beat());
    this.#loop = this.#repeat();
  }

  /** Beats now; nothing happens before the service listens. */
  async beat(): Promise<void> {
    if (!this.#addresses || this.#stopping.signal.aborted) return;
    const own = { ...this.#addresses, id: this.#id, service: this.#service, seenAtMs: Date.now() };
    await this.#bus.register({ ...quiet, ...this.#content(), ...own });
  }

  async #repeat(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      await pause(intervalMs, signal);
      if (signal.aborted) return;
      try {
        await this.beat();
      } catch (error) {
        // The broker may be away for a while; the next beat tells all that this one would have.
        this.#warn(error);
      }
    }
  }

  /** Of a write that a full registry may refuse: the log is told. */
  async #unlessFull(write: Promise<void>): Promise<void> {
    try {
      await write;
    } catch (error) {
      if (SegueError.from(error).code !== 'RESOURCE_EXHAUSTED') throw error;
      this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    const { code, rawMessage } = SegueError.from(error);
    this.#log.warn({ code }, `heartbeat: ${rawMessage}`);
  }

  /** Leaves the registry. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    // Leaving is a write too; without it the entry, if there is one, goes by itself.
    if (this.#addresses) await this.#unlessFull(this.#bus.unregister(this.#service, this.#id));
  }
}
