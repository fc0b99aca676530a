/** Runs of the task, one after the other, on a cluster that fails all the time: every call is made again until it succeeds, as a patient user would. */
import { setTimeout as pause } from 'node:timers/promises';
import { SegueError } from '@segue/core';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { taskConfig, taskProblems } from './task.mjs';

const looksEveryMs = 500;
const callDeadlineMs = 20_000;

/** A run that does not go on: what was waited for. */
export class Standstill extends Error {}

export class Work {
  /** Ids of the runs that were begun. */
  runIds = [];
  /** What the newest look saw. */
  seen = { runId: '', state: '', iterations: 0 };
  #client;
  #options;
  #changedAtMs = Date.now();
  #isEnough = false;
  #begun = deferred();

  /**
   * @param {import('@segue/client').SegueClient} client
   * @param {object} options
   * @param {number} options.seed
   * @param {number} options.iterations of one run
   * @param {number} options.groups that an iteration trains on
   * @param {number} options.stuckAfterMs without any progress
   */
  constructor(client, options) {
    this.#client = client;
    this.#options = options;
  }

  /** Resolves when the first iteration is done: from then on there is something to lose. */
  get begun() {
    return this.#begun.promise;
  }

  /** The run that goes on is the last. */
  enough() {
    this.#isEnough = true;
    this.#changedAtMs = Date.now();
  }

  /** Resolves when the last run is finished. @throws Standstill, or an Error when a run failed */
  async done() {
    const { seed, iterations, groups } = this.#options;
    do {
      const runId = `chaos-${this.runIds.length}`;
      this.runIds.push(runId);
      const config = taskConfig({ seed: seed + this.runIds.length, iterations, groups });
      const problems = taskProblems(seed);
      await this.#insist(() => prepareRun(this.#client, runId, config, [{ batchId: 'all', problems }]));
      await this.#insist(() => this.#client.resumeRun(runId));
      await this.#follow(runId);
    } while (!this.#isEnough);
  }

  async #follow(runId) {
    for (;;) {
      const run = await this.#insist(() => this.#client.getRun(runId));
      if (run.state !== this.seen.state || run.iterations !== this.seen.iterations) this.#changedAtMs = Date.now();
      this.seen = { runId, state: run.state, iterations: run.iterations };
      if (run.iterations > 0) this.#begun.resolve();
      if (run.state === 'finished') return;
      if (run.state === 'failed') throw new Error(`run ${runId} failed: ${run.error}`);
      if (Date.now() - this.#changedAtMs > this.#options.stuckAfterMs) throw await this.#standstill(runId);
      await pause(looksEveryMs);
    }
  }

  async #standstill(runId) {
    const status = await this.#client.status(runId).catch((error) => ({ waiting: String(error) }));
    return new Standstill(
      `run ${runId} stands still in iteration ${this.seen.iterations} for ${this.#options.stuckAfterMs} ms; it waits for ${JSON.stringify(status.waiting)}`,
    );
  }

  /** Makes a call until it succeeds. A failure that no repetition mends ends it. */
  async #insist(call) {
    for (;;) {
      try {
        return await within(callDeadlineMs, call());
      } catch (cause) {
        const error = SegueError.from(cause);
        if (!error.retryable && error.code !== 'INTERNAL') throw error;
        if (Date.now() - this.#changedAtMs > this.#options.stuckAfterMs) {
          throw new Standstill(`nobody answers for ${this.#options.stuckAfterMs} ms: ${error.message}`);
        }
      }
      await pause(looksEveryMs);
    }
  }
}

function within(ms, work) {
  const late = new SegueError('DEADLINE_EXCEEDED', `no answer within ${ms} ms`);
  return Promise.race([work, pause(ms, undefined, { ref: false }).then(() => Promise.reject(late))]);
}

function deferred() {
  let resolve = () => {};
  const promise = new Promise((done) => {
    resolve = () => done(undefined);
  });
  return { promise, resolve };
}
