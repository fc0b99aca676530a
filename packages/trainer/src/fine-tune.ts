/**
 * Supervised fine-tuning on the run's warm-up problems (k1.5 sections 2.2 and 2.5.2): loss on response tokens alone,
 * ramp-up and cosine decay, clipped steps. The run's configuration, seed and problems decide the result; cancelling
 * writes nothing.
 */
import type { Problem, RunConfig, TrainProgress } from '@segue/core';
import { SegueError, startHashOf } from '@segue/core';
import { loadTokenizer } from '@segue/tokenizer';
import { type Learner, warmupOpening } from './learner.js';
import type { PolicyOrigin, PolicyStore, StoredPolicy } from './policy-store.js';
import { doneProgress, progress } from './progress.js';
import { hashInputs } from './run-inputs.js';
import { learningRateAt, type SupervisedRow, supervisedRow, supervisedSteps } from './warmup-batches.js';

export interface FineTuneOrder {
  readonly runId: string;
  readonly config: RunConfig;
  readonly fromVersion: number;
  /** Overwrite `fromVersion` instead of writing the next one. */
  readonly replace: boolean;
  readonly problems: readonly Problem[];
  readonly signal: AbortSignal;
}

export async function* fineTune(
  store: PolicyStore,
  learner: Learner,
  order: FineTuneOrder,
): AsyncGenerator<TrainProgress> {
  const { runId, config, fromVersion, replace, problems, signal } = order;
  const version = replace ? fromVersion : fromVersion + 1;
  const inputHash = hashOrder(order);
  const done = await findDone(store, runId, version, inputHash);
  if (done) {
    yield doneProgress(store, done);
    await store.persist(done);
    return;
  }
  const parent = await store.verify(runId, fromVersion);
  if (replace && parent.manifest.origin === 'warmup') {
    throw new SegueError(
      'FAILED_PRECONDITION',
      `version ${fromVersion} of run ${runId} was warmed up already, on other problems or settings; what it began from is gone`,
    );
  }
  yield progress('load', 0, 1);
  const learn = await learner.open(parent, warmupOpening(config, learner.device));
  const rows = await rowsOf(parent, problems, (await learn.status()).config.maxPositions);
  const { steps } = config.warmup;
  const batches = supervisedSteps(rows, config.warmup.tokensPerStep, config.seed);
  let metrics: Record<string, number> = {};
  for (let step = 0; step < steps; step++) {
    if (signal.aborted) throw new SegueError('CANCELLED', `the warm-up was cancelled at step ${step} of ${steps}`);
    const learningRate = learningRateAt(config.warmup, step);
    const { loss, gradientNorm, tokens } = await learn.supervisedStep(batches.next().value, learningRate);
    metrics = { loss, gradientNorm, learningRate, tokens };
    yield progress('train', step + 1, steps, metrics);
  }
  yield progress('save', 0, 1);
  const parentVersion = replace ? parent.manifest.parent : fromVersion;
  await learner.announceEnd();
  const startHash = version === 0 ? startHashOf(parent.manifest) : null;
  const origin: PolicyOrigin = {
    ...{ runId, version, parent: parentVersion, origin: 'warmup', inputHash, metrics: { ...metrics, steps } },
    ...(startHash !== null && { startHash }),
  };
  const saved = await store.putShared(origin, (folder) => learn.save(folder));
  // The optimiser's settings are the warm-up's: the first iteration opens its own.
  await learner.close();
  yield doneProgress(store, saved);
  await store.persist(saved);
}

/** The version, when these very inputs have made it before. */
async function findDone(
  store: PolicyStore,
  runId: string,
  version: number,
  inputHash: string,
): Promise<StoredPolicy | null> {
  const existing = await store.find(runId, version);
  return existing?.manifest.inputHash === inputHash ? store.verify(runId, version) : null;
}

function hashOrder({ runId, config, fromVersion, replace, problems }: FineTuneOrder): string {
  const { seed, policy, warmup, train } = config;
  const { beta1, beta2, epsilon } = train;
  const header = { runId, seed, policy, warmup, optimizer: { beta1, beta2, epsilon }, fromVersion, replace };
  const content = problems.flatMap(({ id, promptTokens, response }) => [
    [id, response],
    new Uint8Array(promptTokens.buffer, promptTokens.byteOffset, promptTokens.byteLength),
  ]);
  return hashInputs(header, ...content);
}

async function rowsOf(parent: StoredPolicy, problems: readonly Problem[], maxTokens: number): Promise<SupervisedRow[]> {
  const tokenizer = await loadTokenizer(parent.folder);
  const end = tokenizer.special.eos ?? tokenizer.eosTokens[0];
  if (end === undefined)
    throw new SegueError('INVALID_CONFIG', `the tokenizer in ${parent.folder} names no token that ends a response`);
  return problems.map((problem) => supervisedRow(problem, (text) => tokenizer.encode(text), end, maxTokens));
}
