/**
 * Prefill: computes keys and values of tokens that exist already. Each distinct prompt once, then, for resumed sequences, their
 * earlier response tokens on top of the prompt's. The newest token of a sequence is left out: the decode loop reads it, so prefill needs
 * no logits.
 *
 * Short stretches go side by side, in windows that each read what came before. Long ones go one by one, in blocks (long-prefill.ts). A call
 * takes a bounded piece of work, whatever the number of rows and the model's size: the rows that are ready go on decoding meanwhile, and
 * whoever waits for the chunk hears of it in time.
 */
import { tensor } from '../graph/session.js';
import type { DecodeRow } from './decode-run.js';
import { type KvBlock, type KvPiece, packKv, piecesLength } from './kv.js';
import { kvFeeds, kvOutputs, lengthMask } from './kv-tensors.js';
import { LongFill, type Stretch } from './long-prefill.js';
import type { DecodePolicy } from './policy.js';
import type { Prompt } from './prompt-cache.js';

/** Longest window of one row: attention inside a run takes memory with its square. */
const windowTokens = 512;
/** Stretches that end later are long. Measured: docs/long-contexts.md. */
const longContextTokens = 2048;
/** Fewest tokens of a piece: fewer would read all weights for too little. */
const leastTokens = 32;

/** A short stretch, and what it has so far. */
interface Growing extends Stretch {
  readonly done: KvPiece[];
}

/** What is left of a call's work (`DecodePolicy.prefillWork`). */
interface Budget {
  left: number;
}

function isLong({ tokens, past }: Stretch): boolean {
  return tokens.length + piecesLength(past) > longContextTokens;
}

export class Prefiller {
  /** Long stretches that have begun, by whom they are for. */
  readonly #begun = new WeakMap<DecodeRow | Prompt, LongFill>();
  /** Short ones that a call had to leave in the middle. */
  readonly #growing = new WeakMap<DecodeRow | Prompt, Growing>();

  /**
   * Makes rows ready to decode, as many as the budget of a call reaches, in their order; the others in later calls. A row that joins brings its
   * prompt, if no sibling did, and its earlier response.
   * @param maxTokens of one run of short stretches, padding included
   */
  async advance(policy: DecodePolicy, rows: readonly DecodeRow[], maxTokens: number): Promise<void> {
    const joining = rows.filter((row) => !row.ready);
    const budget: Budget = { left: policy.prefillBudget };
    const firstOf = new Map<Prompt, DecodeRow>();
    for (const row of joining) {
      if (!row.prompt.kv && !firstOf.has(row.prompt)) firstOf.set(row.prompt, row);
    }
    const prompts = [...firstOf.keys()].map((owner) => ({ owner, tokens: owner.tokens.subarray(0, -1), past: [] }));
    await this.#fill(policy, prompts, maxTokens, budget, (prompt, pieces) => {
      // Copied out, so that one long-lived prompt does not hold the keys and values of all that were prefilled with it.
      const block = packKv(policy.kvShape, [pieces]);
      prompt.kv = { block, row: 0, from: 0, length: block.columns };
      firstOf.get(prompt)!.sequence.promptTokens = prompt.tokens.length;
    });

    const begun = joining.filter((row) => row.prompt.kv);
    for (const row of begun) row.ready = row.sequence.request.responseTokens.length === 0;
    const resumed = begun
      .filter((row) => !row.ready)
      .map((owner) => {
        const { promptTokens, responseTokens } = owner.sequence.request;
        const tokens = new Int32Array(responseTokens.length);
        tokens[0] = promptTokens.at(-1)!;
        tokens.set(responseTokens.subarray(0, -1), 1);
        return { owner, tokens, past: [owner.prompt.kv!] };
      });
    await this.#fill(policy, resumed, maxTokens, budget, (row, pieces) => {
      row.own = [...pieces];
      row.sequence.reprefillTokens = row.sequence.request.responseTokens.length;
      row.ready = true;
    });
  }

  /** Prefills stretches as far as the budget reaches; tells the owners of those that are done. */
  async #fill<Owner extends DecodeRow | Prompt>(
    policy: DecodePolicy,
    stretches: readonly (Stretch & { readonly owner: Owner })[],
    maxTokens: number,
    budget: Budget,
    finish: (owner: Owner, pieces: readonly KvPiece[]) => void,
  ): Promise<void> {
    const short = stretches.filter((stretch) => !isLong(stretch));
    const all = short.map(({ owner, tokens, past }) => this.#growing.get(owner) ?? { tokens, past, done: [] });
    const { whole, next } = within(policy, all, budget);
    await extend(policy, whole, maxTokens);
    if (next) await extendPart(policy, next, maxTokens, budget);
    all.forEach((stretch, i) => {
      const { owner } = short[i]!;
      if (remaining(stretch) === 0) {
        this.#growing.delete(owner);
        finish(owner, stretch.done);
      } else if (stretch.done.length > 0) this.#growing.set(owner, stretch);
    });
    let isFirst = true;
    for (const stretch of stretches) {
      if (!isLong(stretch)) continue;
      const fill = this.#begun.get(stretch.owner) ?? new LongFill(policy, stretch);
      this.#begun.set(stretch.owner, fill);
      // Short ones that come in every call do not keep it waiting for good.
      for (; !fill.done && (budget.left > 0 || isFirst); isFirst = false) {
        const most = tokensWithin(policy, fill.length, Math.max(budget.left, policy.prefillBudget / 4));
        budget.left -= await fill.run(policy, most);
      }
      if (!fill.done) return;
      this.#begun.delete(stretch.owner);
      finish(stretch.owner, fill.pieces);
    }
  }
}

function remaining({ tokens, done }: Growing): number {
  return tokens.length - piecesLength(done);
}

/** Tokens that are before the next one. */
function before({ past, done }: Growing): number {
  return piecesLength(past) + piecesLength(done);
}

/** How many further tokens a budget pays for. */
function tokensWithin(policy: DecodePolicy, begin: number, work: number): number {
  return Math.max(leastTokens, Math.floor(work / policy.prefillWork(1, begin)));
}

/** The stretches that the budget pays for as a whole, in their order, and the one after them. */
function within(
  policy: DecodePolicy,
  stretches: readonly Growing[],
  budget: Budget,
): { readonly whole: readonly Growing[]; readonly next: Growing | undefined } {
  for (const [i, stretch] of stretches.entries()) {
    const work = policy.prefillWork(remaining(stretch), before(stretch));
    if (work > budget.left) return { whole: stretches.slice(0, i), next: stretch };
    budget.left -= work;
  }
  return { whole: stretches, next: undefined };
}

/** One stretch as far as the budget reaches; at least a little of it, so that others before it do not keep it waiting for good. */
async function extendPart(policy: DecodePolicy, stretch: Growing, maxTokens: number, budget: Budget): Promise<void> {
  do {
    const most = tokensWithin(policy, before(stretch), Math.max(0, budget.left));
    const window = Math.min(remaining(stretch), windowTokens, maxTokens, most);
    budget.left -= policy.prefillWork(window, before(stretch));
    await runWindow(policy, [stretch], window);
  } while (remaining(stretch) > 0 && budget.left > 0);
}

/** Gives each stretch the keys and values of its tokens. Rows of like length go together, to keep padding small. */
async function extend(policy: DecodePolicy, stretches: readonly Growing[], maxTokens: number): Promise<void> {
  let open = stretches.filter((stretch) => remaining(stretch) > 0);
  while (open.length > 0) {
    open.sort((a, b) => remaining(b) - remaining(a));
    const window = Math.min(remaining(open[0]!), windowTokens, maxTokens);
    const batch = open.slice(0, Math.max(1, Math.floor(maxTokens / window)));
    await runWindow(policy, batch, window);
    open = open.filter((stretch) => remaining(stretch) > 0);
  }
}

/** One run of the prefill graph: up to `window` further tokens of each stretch. */
async function runWindow(policy: DecodePolicy, batch: readonly Growing[], window: number): Promise<void> {
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
