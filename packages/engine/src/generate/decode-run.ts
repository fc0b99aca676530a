/**
 * One chunk of decoding: packs the rows' keys and values, feeds the decode graph, and gives each sequence its tokens.
 * Knows nothing of slots or of which sequences should run.
 */
import { assert, SegueError } from '@segue/core';
import { type Tensors, tensor } from '../graph/session.js';
import type { DecodeVariant } from './decode-graph.js';
import { type KvBlock, type KvPacker, type KvPiece, type KvShape, packKv, piecesLength } from './kv.js';
import { kvFeeds, kvOutputs, lengthMask } from './kv-tensors.js';
import type { DecodePolicy } from './policy.js';
import { type Prompt, sharedLayout } from './prompt-cache.js';
import type { Sequence } from './sequence.js';

/** A sequence in the batch, with its keys and values: its prompt's, then its own. */
export interface DecodeRow {
  readonly sequence: Sequence;
  readonly prompt: Prompt;
  /** Everything after the prompt's, up to the token before the newest. */
  own: KvPiece[];
  /** Prefilled. */
  ready: boolean;
}

export interface DecodeOutcome {
  /** New tokens that count. */
  readonly tokens: number;
  /** Steps that the loop ran. */
  readonly steps: number;
  /** Time that they took. */
  readonly loopMs: number;
}

/**
 * Runs up to `chunkTokens` steps for all rows; each sequence ends exactly where its limits or a stop token say. Fewer when rows that have
 * ended have stepped on for as much as `idleSteps` steps of the whole batch.
 */
export async function runDecode(
  policy: DecodePolicy,
  packer: KvPacker,
  rows: readonly DecodeRow[],
  options: { readonly chunkTokens: number; readonly idleSteps: number; readonly shared: boolean },
): Promise<DecodeOutcome> {
  if (rows.length === 0) return { tokens: 0, steps: 0, loopMs: 0 };
  const variant = variantOf(policy, rows, options.shared);
  const prefix = packer.pack(rows.map(({ prompt, own }) => (variant.shared ? own : [prompt.kv!, ...own])));
  rows.forEach((row, index) => {
    const from = variant.shared ? 0 : row.prompt.kv!.length;
    row.own = [{ block: prefix, row: index, from, length: piecesLength(row.own) }];
  });
  const feeds = {
    ...stepFeeds(rows, options),
    ...stopFeeds(rows, variant),
    ...prefixFeeds(policy.kvShape, rows, prefix),
    ...(variant.shared ? sharedFeeds(policy.kvShape, rows) : {}),
    ...(variant.greedy ? greedyFeeds(rows) : {}),
    ...(variant.filtered ? filterFeeds(rows, policy.vocabularySize) : {}),
  };
  const runtimeBefore = policy.runtimeMs;
  const outputs = await policy.runDecode(variant, feeds);
  const loopMs = policy.runtimeMs - runtimeBefore;
  requireNumbers(policy, outputs);
  return { ...take(policy.kvShape, rows, outputs), loopMs };
}

/** The graph that this batch needs. */
function variantOf(policy: DecodePolicy, rows: readonly DecodeRow[], shared: boolean): DecodeVariant {
  const requests = rows.map(({ sequence }) => sequence.request);
  return {
    shared,
    greedy: requests.some(({ sampling }) => sampling.temperature === 0),
    filtered: requests.some(({ sampling: { topK, topP } }) => topK > 0 || topP < 1),
    manyStops: requests.some(({ stopTokens }) => stopTokens.length > 1),
    weightsFirst: policy.weightsFirst(rows.length),
  };
}

/** What each row reads first, its random numbers, and how many tokens it may add. */
function stepFeeds(
  rows: readonly DecodeRow[],
  { chunkTokens, idleSteps }: { readonly chunkTokens: number; readonly idleSteps: number },
): Tensors {
  const count = rows.length;
  const allowances = rows.map(({ sequence }) => sequence.allowance);
  const steps = Math.min(chunkTokens, Math.max(...allowances));
  const uniforms = new Float32Array(steps * count);
  rows.forEach(({ sequence }, row) => {
    for (let step = 0; step < steps; step++) {
      uniforms[step * count + row] = sequence.uniforms.at(sequence.responseTokens + step);
    }
  });
  const temperatures = rows.map(({ sequence }) => sequence.request.sampling.temperature || 1);
  const bigints = (values: readonly number[]) => tensor('int64', [count, 1], BigInt64Array.from(values, BigInt));
  return {
    token: bigints(rows.map(({ sequence }) => sequence.lastToken)),
    position: bigints(rows.map(({ sequence }) => sequence.lastPosition)),
    uniforms: tensor('float32', [steps, count, 1], uniforms),
    left: bigints(allowances),
    patience: tensor('int64', [], BigInt64Array.of(1n + BigInt(Math.ceil(Math.min(idleSteps, chunkTokens) * count)))),
    inverseTemperature: tensor(
      'float32',
      [count, 1],
      Float32Array.from(temperatures, (t) => 1 / t),
    ),
  };
}

function stopFeeds(rows: readonly DecodeRow[], { manyStops }: DecodeVariant): Tensors {
  const count = manyStops ? Math.max(...rows.map(({ sequence }) => sequence.request.stopTokens.length)) : 1;
  // No token is -1: it fills the places of rows with fewer stop tokens.
  const stops = new BigInt64Array(rows.length * count).fill(-1n);
  rows.forEach(({ sequence }, row) => {
    for (const [i, token] of sequence.request.stopTokens.entries()) stops[row * count + i] = BigInt(token);
  });
  return { stops: tensor('int64', [rows.length, count], stops) };
}

function prefixFeeds(shape: KvShape, rows: readonly DecodeRow[], prefix: KvBlock): Tensors {
  const lengths = Int32Array.from(rows, ({ own }) => own[0]!.from + own[0]!.length);
  return { prefixMask: lengthMask(lengths, prefix.columns, shape.kvHeads), ...kvFeeds(shape, prefix, 'prefix') };
}

/** The prompts of the batch, each once, and where each row stands among its siblings. */
function sharedFeeds(shape: KvShape, rows: readonly DecodeRow[]): Tensors {
  const { kvHeads } = shape;
  const prompts = rows.map((row) => row.prompt);
  const layout = sharedLayout(prompts, kvHeads);
  const block = packKv(
    shape,
    layout.prompts.map((prompt) => [prompt.kv!]),
  );
  const lengths = Int32Array.from(layout.prompts, (prompt) => prompt.kv!.length);
  return {
    sharedMask: lengthMask(lengths, block.columns, kvHeads),
    rowOfCell: tensor('int64', [layout.prompts.length * kvHeads, layout.members], layout.rowOfCell),
    cellOfRow: tensor('int64', [rows.length * kvHeads], layout.cellOfRow),
    ...kvFeeds(shape, block, 'shared'),
  };
}

function greedyFeeds(rows: readonly DecodeRow[]): Tensors {
  const greedy = Uint8Array.from(rows, ({ sequence }) => (sequence.request.sampling.temperature === 0 ? 1 : 0));
  return { greedy: tensor('bool', [rows.length, 1], greedy) };
}

function filterFeeds(rows: readonly DecodeRow[], vocabularySize: number): Tensors {
  const limits = rows.map(({ sequence }) => sequence.request.sampling);
  const topK = BigInt64Array.from(limits, ({ topK }) => BigInt(topK === 0 ? vocabularySize : topK));
  // Above 1, no rounding of the cumulative sum can drop a token where there is no limit.
  const topP = Float32Array.from(limits, ({ topP }) => (topP === 1 ? 2 : topP));
  return { topK: tensor('int64', [rows.length, 1], topK), topP: tensor('float32', [rows.length, 1], topP) };
}

/** Refuses the chunk of a policy that has lost its numbers: its tokens would mean nothing. */
function requireNumbers(policy: DecodePolicy, { logProbs }: Tensors): void {
  assert(logProbs, 'the decode graph gives logProbs');
  if ((logProbs.data as Float32Array).some(Number.isNaN)) {
    throw new SegueError(
      'DATA_LOSS',
      `policy version ${policy.version} computes log-probs that are not numbers: its weights are damaged or have diverged`,
    );
  }
}

/** Gives each sequence its tokens up to its end, and the keys and values that go with them. */
function take(shape: KvShape, rows: readonly DecodeRow[], outputs: Tensors): Omit<DecodeOutcome, 'loopMs'> {
  const { tokens: sampled, logProbs } = outputs;
  assert(sampled && logProbs, 'the decode graph gives tokens and logProbs');
  const steps = sampled.dims[0]!; // both [steps, rows, 1]
  const ids = sampled.data as Int32Array;
  const values = logProbs.data as Float32Array;
  const block: KvBlock = { arrays: kvOutputs(shape, outputs), rows: rows.length, columns: steps };
  let tokens = 0;
  rows.forEach((row, index) => {
    let taken = 0;
    while (taken < steps && row.sequence.end === null) {
      const at = taken * rows.length + index;
      row.sequence.push(ids[at]!, values[at]!);
      taken++;
    }
    tokens += taken;
    row.own.push({ block, row: index, from: 0, length: taken });
  });
  return { tokens, steps };
}
