/**
 * The training phase of a closed iteration: freeze the batch when its verdicts are there, train on it, make the new version the active one, commit. Each step is
 * idempotent, so the phase may begin anew anywhere. An iteration without a complete group trains nothing and keeps its version.
 */
import type { DeviceTurns, IterationRecord, PolicyVersionInfo, TrainMetrics } from '@segue/core';
import { activate } from './activate.js';
import type { ActiveRun } from './active-run.js';
import { awaitVerdicts } from './await-verdicts.js';
import { releaseDevices } from './device-turn.js';
import { iterationEvent } from './iteration-event.js';
import { showIteration } from './metrics.js';
import { followTrainer, parseMetrics } from './trainer-calls.js';

const longestMs = 24 * 3600 * 1000;

export async function freezeBatch(run: ActiveRun, closed: IterationRecord): Promise<IterationRecord> {
  const { runId, iteration } = closed;
  const { rollout, train } = run.config;
  if ((await awaitVerdicts(run, closed)) !== 'enough') return closed;
  const replay = await run.cluster.replay();
  return replay.freezeBatch({
    runId,
    iteration,
    maxGroups: rollout.groupsPerIteration,
    minUsable: train.minUsableMembers,
    keepEqual: train.keepEqualGroups,
  });
}

export async function trainIteration(run: ActiveRun, frozen: IterationRecord): Promise<IterationRecord> {
  const { runId, iteration, policyVersion } = frozen;
  let policyVersionOut = policyVersion;
  let train: TrainMetrics | null = null;
  let trainMs = 0;
  let activateMs = 0;
  let turns: DeviceTurns | null = null;
  if (frozen.batchGroupIds.length > 0) {
    await run.enter('train', iteration);
    const startedAtMs = Date.now();
    const [released, trainer] = await Promise.all([releaseDevices(run, iteration), run.cluster.trainer()]);
    const activation = new Activation(run, iteration);
    const seen: { openedAtMs: number | null } = { openedAtMs: null };
    const { policy, metricsJson } = await activation.settled(
      followTrainer(
        run,
        (signal) => trainer.trainIteration({ runId, iteration }, { signal, deadlineMs: longestMs }),
        ({ stage, step, steps }) => run.tell('train', { iteration, stage, step, steps }),
        ({ stage, version }) => {
          if (stage === 'reference') seen.openedAtMs ??= Date.now();
          if (version) activation.begin(version);
        },
      ),
    );
    trainMs = activation.beganAtMs - startedAtMs;
    run.metrics.phase_seconds.observe({ phase: 'train' }, trainMs / 1000);
    train = trainMetrics(metricsJson);
    policyVersionOut = policy.ref.version;
    // Another controller may have trained further meanwhile: its version stays.
    if (!(await run.isStill('frozen', iteration))) {
      await activation.ended().catch(() => undefined);
      return frozen;
    }
    await run.save({ policy });
    activateMs = await activation.ended();
    if (released) {
      turns = run.turns.next({ released, closedAtMs: frozen.closedAtMs, ...seen, train, activateMs });
      tellTurns(run, turns);
    }
  }
  const replay = await run.cluster.replay();
  const { trajectoriesByState } = await replay.getStatistics({ runId });
  const event = iterationEvent(frozen, run.progress.rollout, {
    policyVersionOut,
    train,
    trainMs,
    activateMs,
    turns,
    wallMs: Date.now() - frozen.openedAtMs,
    carriedTrajectories: (trajectoriesByState.pending ?? 0) + (trajectoriesByState.unfinished ?? 0),
  });
  const committed = await replay.commitIteration({
    runId,
    iteration,
    policyVersionOut,
    metricsJson: JSON.stringify(event),
  });
  showIteration(run.metrics, event);
  return committed;
}

/**
 * The activation of a version, which begins when the trainer has named it: actors may load it while the trainer still saves it. The next iteration
 * begins after both.
 */
class Activation {
  readonly #run: ActiveRun;
  readonly #iteration: number;
  #activating: Promise<number> = Promise.resolve(0);
  /** Unix time, in ms. */
  beganAtMs = 0;

  constructor(run: ActiveRun, iteration: number) {
    this.#run = run;
    this.#iteration = iteration;
  }

  begin(version: PolicyVersionInfo): void {
    if (this.beganAtMs > 0) return;
    this.beganAtMs = Date.now();
    this.#activating = this.#activate(version);
    this.#activating.catch(() => undefined);
  }

  /** Announced unless another controller has gone on with the run. */
  async #activate(version: PolicyVersionInfo): Promise<number> {
    await this.#run.enter('activate', this.#iteration);
    return activate(this.#run, version, () => this.#run.isStill('frozen', this.#iteration));
  }

  /** Nothing of it goes on when the training fails. */
  async settled<T>(training: Promise<T>): Promise<T> {
    try {
      return await training;
    } catch (error) {
      await this.ended().catch(() => undefined);
      throw error;
    }
  }

  /** How long it took, in ms. */
  ended(): Promise<number> {
    return this.#activating;
  }
}

function tellTurns({ metrics, cluster }: ActiveRun, turns: DeviceTurns): void {
  const { toRolloutMs, toTrainingMs } = turns;
  if (toRolloutMs !== null) metrics.turn_seconds.observe({ to: 'rollout' }, toRolloutMs / 1000);
  if (toTrainingMs !== null) metrics.turn_seconds.observe({ to: 'training' }, toTrainingMs / 1000);
  cluster.log.info({ ...turns }, 'the device has changed hands');
}

/** What a trainer measured; null when it says nothing. */
function trainMetrics(metricsJson: string): TrainMetrics | null {
  const metrics = parseMetrics(metricsJson);
  return Object.keys(metrics).length === 0 ? null : (metrics as Partial<TrainMetrics> as TrainMetrics);
}
