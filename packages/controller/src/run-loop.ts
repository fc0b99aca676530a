/**
 * The life of a run as one loop: look at what the store holds, do the next thing, look again. Nothing is remembered that the store does not
 * hold, so going on after a crash, after a pause and after a failed call are the same code. A phase that fails is tried again a bounded number of
 * times; then the run fails with the reason. Failures add up only in a row: a long wait forgets them when it has gone well since.
 */
import { type IterationRecord, isAtRest, type PolicyVersionInfo, type RunState, SegueError } from '@segue/core';
import { activate } from './activate.js';
import type { ActiveRun } from './active-run.js';
import { Bell } from './bell.js';
import { dueEvaluation, evaluateDue } from './evaluations.js';
import { openIteration } from './open-iteration.js';
import { endRollOut, rollOut } from './roll-out.js';
import { saveFirstPolicy } from './run-progress.js';
import { freezeBatch, trainIteration } from './train.js';
import { warmUp } from './warm-up.js';

/** How a run left the loop. */
export type RunOutcome =
  | { readonly kind: 'finished' }
  /** It was asked to come to rest. */
  | { readonly kind: 'halted' }
  /** The process stops; the run goes on in the next one. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'failed'; readonly error: SegueError };

/** Tries of a phase in a row, when a retry can help by itself and when it hardly can. */
const maxTries = { retryable: 20, other: 3 };

export async function executeRun(run: ActiveRun): Promise<RunOutcome> {
  const nudges = followNudges(run);
  const steps = new RunSteps(run);
  try {
    // A phase that fails while the run comes to rest is still brought to its end.
    while (!run.halt.aborted || run.failures > 0) {
      try {
        if ((await steps.next()) === 'finished') return { kind: 'finished' };
        run.noteSuccess();
      } catch (thrown) {
        if (run.signal.aborted) return { kind: 'interrupted' };
        const error = SegueError.from(thrown);
        if (run.halt.aborted && error.code === 'CANCELLED') break;
        run.noteFailure();
        const { failures } = run;
        run.metrics.phase_failures_total.inc({ code: error.code });
        run.cluster.log.warn({ ...run.phase, failures, err: error }, 'a phase failed');
        if (failures >= triesFor(error)) return { kind: 'failed', error };
        const waitMs = Math.min(run.cluster.timings.retryMaxMs, run.cluster.timings.retryMs * 2 ** (failures - 1));
        await run.waits.during('retry', error.message, new Bell().wait(waitMs, run.signal));
      }
    }
    return { kind: run.signal.aborted ? 'interrupted' : 'halted' };
  } finally {
    nudges.stop();
  }
}

function triesFor(error: SegueError): number {
  if (error.code === 'INVALID_CONFIG' || error.code === 'INVALID_INPUT') return 1;
  return error.retryable ? maxTries.retryable : maxTries.other;
}

/** One step at a time, each derived from the store. */
class RunSteps {
  readonly #run: ActiveRun;
  /** Whether this process has published the version and seen it served. */
  #activated = false;
  #toldIteration = -1;

  constructor(run: ActiveRun) {
    this.#run = run;
  }

  async next(): Promise<'again' | 'finished'> {
    const run = this.#run;
    const { state } = await run.readProgress();
    if (run.isLeft) return this.#leave(state);
    const { warmupDone, policy } = run.progress;
    if (policy === null) return this.#initialize();
    if (run.config.warmup.steps > 0 && !warmupDone) return this.#do(warmUp(run));
    if (!this.#activated) return this.#activate(policy);

    const record = await run.latestIteration();
    if (record !== null && record.state !== 'committed') return this.#advance(record);
    if (record !== null) await this.#tellIteration(record);
    const completed = record === null ? 0 : record.iteration + 1;
    const due = dueEvaluation(run.config, run.progress.evaluations, completed);
    if (due !== null) return this.#do(evaluateDue(run, due, policy.ref.version));
    if (completed >= run.config.iterations) return 'finished';
    return this.#do(openIteration(run, record));
  }

  /** An iteration that failed to be closed is still brought to its end, unless the run goes on elsewhere; all else is left to whoever has brought it to rest. */
  async #leave(state: RunState): Promise<'again'> {
    const record = this.#run.failures > 0 && isAtRest({ state }) ? await this.#run.latestIteration() : null;
    return record?.state === 'open' ? this.#do(endRollOut(this.#run, record, 'halted')) : 'again';
  }

  async #advance(record: IterationRecord): Promise<'again'> {
    switch (record.state) {
      case 'open':
        return this.#do(rollOut(this.#run, record));
      case 'closed':
        return this.#do(freezeBatch(this.#run, record));
      default:
        return this.#do(trainIteration(this.#run, record));
    }
  }

  async #initialize(): Promise<'again'> {
    const { cluster, id: runId } = this.#run;
    const trainer = await cluster.trainer();
    return this.#do(saveFirstPolicy(cluster, runId, await trainer.initializePolicy({ runId })));
  }

  /** At the start of the process: later versions are activated where they come to be. One that is not the newest any more is not announced. */
  async #activate(policy: PolicyVersionInfo): Promise<'again'> {
    const run = this.#run;
    await run.enter('activate', (await run.latestIteration())?.iteration ?? 0);
    let isNewest = false;
    await activate(run, policy, async () => {
      isNewest = await run.isNewest(policy);
      // Of a run that is left, actors are told nothing: they may be at work for another one.
      return isNewest && !run.isLeft;
    });
    this.#activated = isNewest;
    return 'again';
  }

  /** Tells how an iteration ended, from what was committed with it: once, however often it is told. */
  async #tellIteration(record: IterationRecord): Promise<void> {
    if (record.metricsJson === '' || record.iteration === this.#toldIteration) return;
    await this.#run.tell('iteration', JSON.parse(record.metricsJson), `iteration-${record.iteration}`);
    this.#toldIteration = record.iteration;
  }

  async #do(step: Promise<unknown>): Promise<'again'> {
    await step;
    return 'again';
  }
}

/** Rings the run's bell when the store announces progress. Losing nudges only makes looks rarer. */
function followNudges(run: ActiveRun): { stop(): void } {
  const stopped = new AbortController();
  const follow = async () => {
    for await (const note of run.cluster.bus.watchProgress({ signal: AbortSignal.any([stopped.signal, run.signal]) })) {
      if (note.runId === run.id) run.bell.ring();
    }
  };
  follow().catch((error: unknown) =>
    run.cluster.log.warn({ err: SegueError.from(error) }, 'nudges of the store ended'),
  );
  return { stop: () => stopped.abort() };
}
