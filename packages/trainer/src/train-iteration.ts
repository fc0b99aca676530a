/**
 * One iteration's training: the frozen batch under policy i becomes version i+1 (k1.5 section 2.3.2). The verbs are the
 * algorithm: load, assemble, take reference log-probs, update, save. The same batch, configuration and number of
 * threads give the same weights; a version that was made from them is answered again.
 */
import {
  addLogProbDifference,
  assembleBatch,
  type CompleteGroup,
  type GroupBatch,
  importanceWeights,
  noLogProbDifference,
  type RunConfig,
  SegueError,
  splitByGroups,
  type TrainMetrics,
  type TrainProgress,
  type TrainRow,
} from '@segue/core';
import { companionFiles, type PolicyRow, type TokenRow, type TrainingHandle } from '@segue/engine';
import type { ReleaseReport } from '@segue/service';
import { type Learner, policyOpening } from './learner.js';
import type { PolicyStore, StoredPolicy } from './policy-store.js';
import { doneProgress, progress } from './progress.js';
import { hashBatch } from './run-inputs.js';

export interface IterationOrder {
  readonly runId: string;
  readonly config: RunConfig;
  readonly iteration: number;
  /** Policy i. */
  readonly policyVersion: number;
  /** The frozen batch, in the order in which the store gives it. */
  readonly groups: readonly CompleteGroup[];
  readonly signal: AbortSignal;
}

/** Responses over which the log ratio after the last update is measured. */
const measuredResponses = 64;

/** A row with everything that the loss needs. */
interface PreparedRow extends PolicyRow {
  readonly trained: number;
}

export async function* trainIteration(
  store: PolicyStore,
  learner: Learner,
  order: IterationOrder,
): AsyncGenerator<TrainProgress> {
  const { runId, config, iteration, policyVersion, groups } = order;
  yield progress('load', 0, 1);
  const parent = await store.get(runId, policyVersion);
  if (groups.length === 0) {
    yield doneProgress(store, await store.verify(runId, policyVersion), {});
    return;
  }
  const inputHash = hashBatch(config, iteration, parent.manifestSha256, groups);
  const existing = await findExisting(store, runId, policyVersion + 1, inputHash);
  if (existing) {
    yield doneProgress(store, existing);
    await store.persist(existing);
    return;
  }
  const batch = assembleBatch(groups, config, iteration, policyVersion);
  const openFromMs = performance.now();
  const learn = await openVerified(store, learner, parent, config);
  const openMs = performance.now() - openFromMs;

  yield progress('reference', 0, batch.rows.length);
  const referenceFromMs = performance.now();
  const reference = await referenceLogProbs(learn, batch.rows, config);
  const prepared = prepareRows(batch, reference, config, policyVersion);
  const referenceMs = performance.now() - referenceFromMs;

  const trainFromMs = performance.now();
  const updates: Update[] = [];
  const parts = splitByGroups(batch, config.train.updatesPerIteration);
  for (const part of parts) {
    requireNotAborted(order);
    const rows = part.map((row) => prepared.rows.get(row)!);
    // Before the last one, not after it: a process that starts now has started when the device comes free.
    if (part === parts.at(-1)) await learner.announceEnd();
    updates.push(await update(learn, rows, config, part === parts.at(-1)));
    yield progress('train', updates.length, parts.length, updates.at(-1));
  }
  const logRatioMean = await measureLogRatio(learn, [...prepared.rows.values()], config);
  const trainMs = performance.now() - trainFromMs;
  requireNotAborted(order);

  const updatedAtMs = Date.now();
  yield progress('save', 0, 1);
  const saveFromMs = performance.now();
  const measured = { ...describeBatch(batch), ...describeUpdates(updates), ...prepared.metrics, logRatioMean };
  const metrics = { ...measured, openMs, referenceMs, trainMs };
  const version = { runId, version: policyVersion + 1, parent: policyVersion, origin: 'trained', inputHash } as const;
  // Those of the parent, which is in use: the version that the engine was opened with may be gone by now.
  const companions = await companionFiles(parent.folder);
  let writeMs = 0;
  let resting: Promise<ReleaseReport | null> = Promise.resolve(null);
  const saved = await store.putShared({ ...version, metrics }, async (folder) => {
    const sums = await learn.save(folder, companions);
    writeMs = performance.now() - saveFromMs;
    resting = learner.rest();
    resting.catch(() => undefined);
    return sums;
  });
  const released = await resting;
  if (released === null) learner.isNow(saved);
  const saveMs = performance.now() - saveFromMs;
  const device = released && { writeMs, releaseMs: released.durationMs, residentBytes: released.residentBytes };
  const all: TrainMetrics = { ...metrics, saveMs, ...(device && { updatedAtMs, ...device }) };
  yield doneProgress(store, saved, all);
  await store.persist(saved);
}

/** The files are compared with the manifest while the engine reads them: nothing is done with what it has read before they agree. */
async function openVerified(
  store: PolicyStore,
  learner: Learner,
  parent: StoredPolicy,
  config: RunConfig,
): Promise<TrainingHandle> {
  const verified = store.verify(parent.manifest.runId, parent.manifest.version);
  verified.catch(() => undefined);
  const learn = await learner.open(parent, policyOpening(config));
  await verified;
  return learn;
}

async function findExisting(
  store: PolicyStore,
  runId: string,
  version: number,
  inputHash: string,
): Promise<StoredPolicy | null> {
  const existing = await store.find(runId, version);
  if (!existing) return null;
  if (existing.manifest.inputHash === inputHash) return store.verify(runId, version);
  throw new SegueError(
    'ALREADY_EXISTS',
    `version ${version} of run ${runId} is in the policy store and was made from another batch or configuration: ` +
      `the replay store and ${existing.folder} do not belong together; when the store was restored or mended, take that version out. ` +
      `Its name is a link, so copy what it leads to: cp -rL ${existing.folder} ELSEWHERE && rm -r ${existing.folder}`,
  );
}

/** Log-probs of every trained token under policy i, before the first update. */
async function referenceLogProbs(
  learn: TrainingHandle,
  rows: readonly TrainRow[],
  { rollout }: RunConfig,
): Promise<readonly Float32Array[]> {
  const { logProbs } = await learn.logProbs(rows.map(tokenRow), { temperature: rollout.temperature });
  return logProbs;
}

/** Prompt and response in one row; the prompt is never trained. */
function tokenRow({ promptTokens, responseTokens, mask }: TrainRow): TokenRow {
  return { tokens: joined(promptTokens, responseTokens), mask: withPrompt(promptTokens.length, mask) };
}

function joined(promptTokens: Int32Array, responseTokens: Int32Array): Int32Array {
  const tokens = new Int32Array(promptTokens.length + responseTokens.length);
  tokens.set(promptTokens);
  tokens.set(responseTokens, promptTokens.length);
  return tokens;
}

/** An array over the response as one over prompt and response, 0 on the prompt. */
function withPrompt<A extends Uint8Array | Float32Array>(promptTokens: number, values: A): A {
  const Whole = values.constructor as new (length: number) => A;
  const whole = new Whole(promptTokens + values.length);
  whole.set(values, promptTokens);
  return whole;
}

type PreparedMetrics = Pick<TrainMetrics, 'logProbDiffMax' | 'logProbDiffMean' | 'importanceClippedShare'>;

interface Prepared {
  readonly rows: ReadonlyMap<TrainRow, PreparedRow>;
  readonly metrics: PreparedMetrics;
}

function prepareRows(
  batch: GroupBatch,
  reference: readonly Float32Array[],
  { train }: RunConfig,
  policyVersion: number,
): Prepared {
  let difference = noLogProbDifference;
  let clippedTokens = 0;
  const rows = new Map<TrainRow, PreparedRow>();
  batch.rows.forEach((row, i) => {
    const { promptTokens, mask, behaviour, versions, advantage } = row;
    const whole = reference[i]!;
    const tokens = { reference: whole.subarray(promptTokens.length), behaviour, versions, mask };
    difference = addLogProbDifference(difference, tokens, policyVersion);
    const { weights, clipped } = importanceWeights(tokens, policyVersion, train.importance.clip);
    clippedTokens += train.importance.enabled ? clipped : 0;
    rows.set(row, {
      ...tokenRow(row),
      advantage,
      referenceLogProbs: whole,
      ...(train.importance.enabled ? { weights: withPrompt(promptTokens.length, weights) } : {}),
      trained: mask.reduce((sum, marked) => sum + marked, 0),
    });
  });
  const { max, sum, count } = difference;
  return {
    rows,
    metrics: {
      logProbDiffMax: count > 0 ? max : null,
      logProbDiffMean: count > 0 ? sum / count : null,
      importanceClippedShare: clippedTokens / Math.max(1, batch.trainedTokens),
    },
  };
}

interface Update {
  readonly loss: number;
  readonly gradientNorm: number;
}

/**
 * One optimiser step: the loss is the sum over the responses of the part divided by their number. Without a trained
 * token nothing is done.
 */
async function update(
  learn: TrainingHandle,
  rows: readonly PreparedRow[],
  config: RunConfig,
  last: boolean,
): Promise<Update> {
  if (rows.every(({ trained }) => trained === 0)) return { loss: 0, gradientNorm: 0 };
  const { tau, logProb, learningRate } = config.train;
  const { temperature } = config.rollout;
  const objective = { tau, temperature, logPi: logProb, normalizer: rows.length };
  // Each iteration begins with an optimiser that has seen nothing.
  const { loss, gradientNorm } = await learn.policyStep(rows, { ...objective, learningRate, thenReset: last });
  return { loss, gradientNorm };
}

/** Mean over responses of log pi_(i+1) - log pi_i of their trained tokens, over the first of the (shuffled) batch. */
async function measureLogRatio(
  learn: TrainingHandle,
  rows: readonly PreparedRow[],
  config: RunConfig,
): Promise<number> {
  const sample = rows.filter(({ trained }) => trained > 0).slice(0, measuredResponses);
  if (sample.length === 0) return 0;
  const { logProbs } = await learn.logProbs(sample, { temperature: config.rollout.temperature });
  let sum = 0;
  sample.forEach(({ mask, referenceLogProbs }, i) => {
    for (let t = 0; t < mask.length; t++) if (mask[t] === 1) sum += logProbs[i]![t]! - referenceLogProbs[t]!;
  });
  return sum / sample.length;
}

function describeBatch(batch: GroupBatch) {
  const { trainedTokens, offPolicyTokens, responseTokens } = batch;
  return {
    groups: batch.groupIds.length,
    trajectories: batch.rows.length,
    trainedTokens,
    trainedTokenShare: trainedTokens / Math.max(1, responseTokens),
    offPolicyTokenShare: offPolicyTokens / Math.max(1, trainedTokens),
    trainedTokenAgeMean: batch.trainedTokenAges / Math.max(1, trainedTokens),
    trainedTokenAgeMax: batch.trainedTokenAgeMax,
    rewardMean: batch.rewardMean,
    responseTokensMean: batch.responseTokensMean,
  };
}

function describeUpdates(updates: readonly Update[]) {
  const count = Math.max(1, updates.length);
  return {
    updates: updates.length,
    loss: updates.reduce((sum, { loss }) => sum + loss, 0) / count,
    gradientNorm: updates.reduce((sum, { gradientNorm }) => sum + gradientNorm, 0) / count,
    gradientNormMax: Math.max(0, ...updates.map(({ gradientNorm }) => gradientNorm)),
  };
}

function requireNotAborted({ signal, iteration }: IterationOrder): void {
  if (signal.aborted)
    throw new SegueError('CANCELLED', `training of iteration ${iteration} was cancelled; nothing was written`);
}
