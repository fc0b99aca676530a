/** A controller among the fakes, and a run for it to work on. */
import { join } from 'node:path';
import { type Client, defaultMaxMessageBytes } from '@segue/bus';
import {
  type ActorApi,
  type Problem,
  parseRunConfig,
  type ReplayApi,
  type RewardApi,
  type RunConfigInput,
  type TrainerApi,
} from '@segue/core';
import { createMetrics } from '@segue/service';
import { type Cluster, defaultTimings, type Timings } from '../dist/cluster.js';
import { EvaluationBound } from '../dist/evaluation-bound.js';
import { Journal } from '../dist/journal.js';
import { type ControllerMetrics, controllerMetricTable } from '../dist/metrics.js';
import { Runs } from '../dist/runs.js';
import { Tokenizers } from '../dist/tokenizers.js';
import { Waits } from '../dist/waits.js';
import { alphabet, clientsOf } from './fake-clients.js';
import type { World } from './fake-world.js';

export const quick: Timings = {
  ...defaultTimings,
  pollMs: 2,
  actorPollMs: 1,
  reconcileMs: 5,
  scoreWaitMs: 50,
  flushTimeoutMs: 200,
  drainTimeoutMs: 200,
  beginDrainTimeoutMs: 200,
  activateGraceMs: 5,
  activateTimeoutMs: 100,
  retryMs: 1,
  retryMaxMs: 2,
  progressEventMs: 60_000,
  replanMs: 5,
  untakenMs: 60_000,
};

/** Stands before every call: may throw, before the call's effect or after it. */
export type Guard = (service: string, method: string, call: () => unknown, args: readonly unknown[]) => unknown;

function guarded<T extends object>(service: string, client: Partial<T>, guard: Guard): T {
  return new Proxy(Object.assign({ address: 'fake', close: () => undefined }, client), {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => guard(service, String(name), () => Reflect.apply(method, target, args), args);
    },
  }) as unknown as T;
}

/** A controller with what a test looks into. */
interface StartedController {
  readonly cluster: Cluster;
  readonly journal: Journal;
  readonly waits: Waits;
  readonly metrics: ControllerMetrics;
  readonly tokenizers: Tokenizers;
  readonly runs: Runs;
  readonly logs: readonly { readonly level: string; readonly fields: object; readonly message: string }[];
  readonly signal: AbortSignal;
  kill(): Promise<void>;
}

/** A controller in the world; `kill` drops it as a killed process would be. */
export function startController(
  world: World,
  guard: Guard = (_, __, call) => call(),
  timings: Timings = quick,
): StartedController {
  const clients = clientsOf(world);
  const stop = new AbortController();
  const logs: { level: string; fields: object; message: string }[] = [];
  const log = (level: string) => (fields: object, message: string) => void logs.push({ level, fields, message });
  const replay = guarded<Client<ReplayApi>>('replay', clients.replay, guard);
  const trainer = guarded<Client<TrainerApi>>('trainer', clients.trainer, guard);
  const reward = guarded<Client<RewardApi>>('reward', clients.reward, guard);
  const cluster: Cluster = {
    replay: async () => replay,
    trainer: async () => trainer,
    reward: async () => reward,
    scorerList: () => Promise.reject(new Error('nobody registers in these tests')),
    actor: (address) => guarded<Client<ActorApi>>('actor', clients.actor(address), guard),
    bus: guarded<Cluster['bus']>('bus', clients.bus, guard),
    pinned: {
      pin: async (runId, version) => {
        world.pinned.push(`${runId}/${version}`);
        return () => void world.pinned.splice(world.pinned.indexOf(`${runId}/${version}`), 1);
      },
    },
    evaluations: new EvaluationBound(120),
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    timings,
  };
  const journal = new Journal(cluster);
  const waits = new Waits();
  const metrics = createMetrics('controller', 'test').define(controllerMetricTable);
  const tokenizers = new Tokenizers(cluster, join(world.folder, 'tokenizers'));
  const maxMessageBytes = defaultMaxMessageBytes;
  const runs = new Runs({ cluster, journal, waits, metrics, tokenizers, maxMessageBytes, signal: stop.signal });
  return {
    cluster,
    journal,
    waits,
    metrics,
    tokenizers,
    runs,
    logs,
    signal: stop.signal,
    async kill() {
      stop.abort();
      await runs.settled();
    },
  };
}

/** A problem as the store holds it. */
export function problem(id: string, purpose: Problem['purpose'] = 'train'): Problem {
  return {
    id,
    purpose,
    prompt: `1+${id.length}=`,
    promptTokens: Int32Array.of(1, 4, 5),
    answer: '2',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response: purpose === 'warmup' ? '2' : null,
  };
}

export const smallRun: RunConfigInput = {
  iterations: 2,
  policy: { characters: alphabet },
  rollout: { groupsPerIteration: 2, groupSize: 2, overSampling: 1.5, maxSpan: 3, closeWhen: 'all' },
  warmup: { steps: 2 },
  evaluation: { everyIterations: 1, samples: 2 },
};

/** Writes a run with problems into the world, as CreateRun and SubmitProblems would have. */
export async function putRun(world: World, config: RunConfigInput = smallRun, id = 'r'): Promise<void> {
  const { replay, trainer } = clientsOf(world);
  const policy = await trainer.initializePolicy!({ runId: id });
  await replay.putRun!({
    run: {
      id,
      configJson: JSON.stringify(parseRunConfig(config, 'test')),
      state: 'created',
      createdAtMs: world.runs.size + 1,
      revision: 0,
      error: '',
      progressJson: JSON.stringify({ policy }),
      trainProblems: 0,
      evaluationProblems: 0,
      warmupProblems: 0,
    },
    expectedRevision: null,
  });
  world.addProblems(id, [
    ...Array.from({ length: 12 }, (_, n) => problem(`${id}-p${n}`)),
    ...Array.from({ length: 4 }, (_, n) => problem(`${id}-e${n}`, 'evaluation')),
    problem(`${id}-w0`, 'warmup'),
  ]);
}

/** Resolves when the condition holds; fails the test after a while. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < 5_000; look++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error(`waited in vain until ${what}`);
}
