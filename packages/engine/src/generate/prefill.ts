/**
 * Prefill: computes keys and values of tokens that exist already. Each distinct prompt once, then, for resumed sequences, their
 * earlier response tokens on top of the prompt's. Stretches go through in windows, each reading what came before it: short ones side by
 * side, long ones row by row with memory for one block of scores.
 * The newest token of a sequence is left out: the decode loop reads it, so prefill needs no logits.
 */
import { tensor } from '../graph/session.js';
import type { DecodeRow } from './decode-run.js';
import { type KvBlock, type KvPiece, packKv, piecesLength } from './kv.js';
import { KvBlocks } from './kv-blocks.js';
import { kvFeeds, kvOutputs, lengthMask } from './kv-tensors.js';
import { prefillBlock } from './long-prefill-graph.js';
import type { DecodePolicy } from './policy.js';
import type { Prompt } from './prompt-cache.js';

/** Longest window of one row: attention inside a run takes memory with its square. */
const windowTokens = 512;
/** Rows that end up longer are prefilled one by one, in blocks. Measured: docs/long-contexts.md. */
const longContextTokens = 2048;

/** Tokens whose keys and values are wanted, after `past`. */
interface Stretch {
  readonly tokens: Int32Array;
  readonly past: readonly KvPiece[];
  readonly done: KvPiece[];
}

/**
 * Makes every row ready to decode. A row that joins brings its prompt, if no sibling did, and its earlier response.
 * @param maxTokens of one run, padding included
 */
export async function prefill(policy: DecodePolicy, rows: readonly DecodeRow[], maxTokens: number): Promise<void> {
  const joining = rows.filter((row) => !row.ready);
  const firstOf = new Map<Prompt, DecodeRow>();
  for (const row of joining) {
    if (!row.prompt.kv && !firstOf.has(row.prompt)) firstOf.set(row.prompt, row);
  }
  const prompts = [...firstOf.keys()];
  const promptKv = await extend(
    policy,
    prompts.map((prompt) => ({ tokens: prompt.tokens.subarray(0, -1), past: [] })),
    maxTokens,
  );
  prompts.forEach((prompt, i) => {
    // Copied out, so that one long-lived prompt does not hold the keys and values of all that were prefilled with it.
    const block = packKv(policy.kvShape, [promptKv[i]!]);
    prompt.kv = { block, row: 0, from: 0, length: block.columns };
    firstOf.get(prompt)!.sequence.promptTokens = prompt.tokens.length;
  });

  const resumed = joining.filter((row) => row.sequence.request.responseTokens.length > 0);
  const responseKv = await extend(
    policy,
    resumed.map(({ sequence: { request }, prompt }) => ({
      tokens: Int32Array.of(request.promptTokens.at(-1)!, ...request.responseTokens.subarray(0, -1)),
      past: [prompt.kv!],
    })),
    maxTokens,
  );
  resumed.forEach((row, i) => {
    row.own = responseKv[i]!;
    row.sequence.reprefillTokens = row.sequence.request.responseTokens.length;
  });
  for (const row of joining) row.ready = true;
}

/** Keys and values of each stretch's tokens, in pieces. Rows of like length go together, to keep padding small. */
async function extend(
  policy: DecodePolicy,
  stretches: readonly Pick<Stretch, 'tokens' | 'past'>[],
  maxTokens: number,
): Promise<KvPiece[][]> {
  const all: Stretch[] = stretches.map((stretch) => ({ ...stretch, done: [] }));
  const isLong = ({ tokens, past }: Stretch) => tokens.length + piecesLength(past) > longContextTokens;
  for (const stretch of all) if (isLong(stretch)) await extendLong(policy, stretch);
  let open = all.filter((stretch) => stretch.tokens.length > 0 && !isLong(stretch));
  const remaining = ({ tokens, done }: Stretch) => tokens.length - piecesLength(done);
  while (open.length > 0) {
    open.sort((a, b) => remaining(b) - remaining(a));
    const window = Math.min(remaining(open[0]!), windowTokens, maxTokens);
    const batch = open.slice(0, Math.max(1, Math.floor(maxTokens / window)));
    await runWindow(policy, batch, window);
    open = open.filter((stretch) => remaining(stretch) > 0);
  }
  return all.map(({ done }) => done);
}

/** One run of the prefill graph: up to `window` further tokens of each stretch. */
async function runWindow(policy: DecodePolicy, batch: readonly Stretch[], window: number): Promise<void> {
  const past = packKv(
    policy.kvShape,
    batch.map((stretch) => [...stretch.past, ...stretch.done]),
  );
  const rows = batch.length;
  const tokens = new BigInt64Array(rows * window);
  const first = new BigInt64Array(rows);
  const pastLengths = new Int32Array(rows);
  const counts = batch.map((stretch, row) => {
    const begun = piecesLength(stretch.done);
    const next = stretch.tokens.subarray(begun, begun + window);
    next.forEach((token, i) => {
      tokens[row * window + i] = BigInt(token);
    });
    pastLengths[row] = piecesLength(stretch.past) + begun;
    first[row] = BigInt(pastLengths[row]!);
    return next.length;
  });
  const outputs = await policy.runPrefill({
    tokens: tensor('int64', [rows, window], tokens),
    first: tensor('int64', [rows, 1], first),
    pastMask: lengthMask(pastLengths, past.columns, policy.kvShape.kvHeads),
    ...kvFeeds(policy.kvShape, past, 'past'),
  });
  const block: KvBlock = { arrays: kvOutputs(policy.kvShape, outputs), rows, columns: window };
  batch.forEach((stretch, row) => {
    stretch.done.push({ block, row, from: 0, length: counts[row]! });
  });
}

/** Prefills one long stretch, a block per run. */
async function extendLong(policy: DecodePolicy, { tokens, past, done }: Stretch): Promise<void> {
  const before = piecesLength(past);
  const kv = new KvBlocks(policy.kvShape, prefillBlock, before + tokens.length);
  kv.append(past);
  for (let begun = 0; begun < tokens.length; ) {
    const next = tokens.subarray(begun, begun + kv.room);
    const outputs = await policy.runLongPrefill({
      tokens: tensor('int64', [1, next.length], BigInt64Array.from(next, BigInt)),
      first: tensor('int64', [1], BigInt64Array.of(BigInt(kv.length))),
      ...kv.feeds(),
    });
    const block: KvBlock = { arrays: kvOutputs(policy.kvShape, outputs), rows: 1, columns: next.length };
    kv.append([{ block, row: 0, from: 0, length: next.length }]);
    begun += next.length;
  }
  done.push(...kv.piecesFrom(before));
}
