/**
 * Clients that submit batches of problems, each on a connection of its own: one batch after the other, with a pause between. A refusal with a time is
 * obeyed, and counted; any other error ends the load. It measures what a client sees, and knows nothing of the run beside it.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '@segue/client';
import { SegueError } from '@segue/core';

export class Submitters {
  /** Since the last `take`: accepted batches, refusals, and for each accepted batch the time from its first try, in ms. */
  #seen = { accepted: 0, refused: 0, latenciesMs: [], askedMs: [] };
  #clients;
  #options;
  #batches = 0;
  #stop = null;
  #working = [];

  /**
   * @param {object} options
   * @param {string} options.address of the controller
   * @param {number} options.clients
   * @param {string} options.runId that takes the problems
   * @param {readonly object[]} options.problems of a batch
   * @param {number} options.pauseMs mean time of a client between two batches
   */
  constructor({ address, clients, ...options }) {
    this.#clients = Array.from({ length: clients }, () => connect(address));
    this.#options = options;
  }

  begin() {
    this.#stop = new AbortController();
    // Every client waits on it.
    setMaxListeners(0, this.#stop.signal);
    this.#working = this.#clients.map((client, i) => this.#work(client, i, this.#stop.signal));
    for (const one of this.#working) one.catch(() => {});
  }

  /** Resolves when every client has its last batch in, or has given it up. @throws what a client was answered beside a refusal */
  async end() {
    this.#stop?.abort();
    await Promise.all(this.#working);
  }

  /** What was seen since the last time. */
  take() {
    const seen = this.#seen;
    this.#seen = { accepted: 0, refused: 0, latenciesMs: [], askedMs: [] };
    return seen;
  }

  close() {
    for (const client of this.#clients) client.close();
  }

  async #work(client, index, signal) {
    const { pauseMs } = this.#options;
    // They do not begin together.
    const wait = (ms) => pause(ms, undefined, { signal }).catch(() => {});
    await wait((pauseMs * index) / this.#clients.length);
    while (!signal.aborted) {
      await this.#submit(client, `load-${this.#batches++}`, wait, signal);
      await wait(pauseMs);
    }
  }

  async #submit(client, batchId, wait, signal) {
    const { runId, problems } = this.#options;
    const beganAtMs = performance.now();
    while (!signal.aborted) {
      try {
        await client.submitProblems(runId, batchId, problems);
        this.#seen.accepted++;
        this.#seen.latenciesMs.push(performance.now() - beganAtMs);
        return;
      } catch (cause) {
        const error = SegueError.from(cause);
        if (error.code !== 'RESOURCE_EXHAUSTED' || error.retryAfterMs === null) throw error;
        this.#seen.refused++;
        this.#seen.askedMs.push(error.retryAfterMs);
        await wait(error.retryAfterMs);
      }
    }
  }
}
