/**
 * Takes in a batch of problems: checks each, encodes its prompt with the tokenizer of the run's policy, and hands the whole batch to the store.
 * All or nothing: a refusal names the position in the batch, counted from 1, and the field.
 */
import { currentTrace, type TraceParent } from '@segue/bus';
import {
  type BatchHeader,
  type BatchResult,
  hashText,
  type Problem,
  type ProblemInput,
  parseRunConfig,
  promptText,
  type RunConfig,
  type RunRecord,
  requireId,
  type ScorerInfo,
  SegueError,
} from '@segue/core';
import { encodePrompt, type Tokenizer } from '@segue/tokenizer';
import type { AdmissionLimits } from './admission.js';
import type { Cluster } from './cluster.js';
import { parseProgress } from './run-progress.js';
import type { Tokenizers } from './tokenizers.js';

/** No vocabulary has longer tokens. What cannot fit is refused unread: encoding megabytes of text would hold up everybody else. */
const longestTokenChars = 512;

export interface SubmitLimits extends AdmissionLimits {
  readonly maxBatchProblems: number;
  /** Share of the problems that are traced, where traces are taken. */
  readonly tracedShare?: number;
}

export async function submitProblems(
  cluster: Cluster,
  tokenizers: Tokenizers,
  limits: SubmitLimits,
  header: BatchHeader,
  items: AsyncIterable<ProblemInput>,
  signal: AbortSignal,
): Promise<BatchResult & { readonly batchId: string }> {
  requireId(header.batchId, 'batch_id');
  const replay = await cluster.replay();
  const run = await replay.getRun({ runId: requireId(header.runId, 'run_id') });
  const reader = await openReader(cluster, tokenizers, limits, run, header.batchId);
  const problems: Problem[] = [];
  for await (const input of items) {
    if (problems.length === limits.maxBatchProblems) {
      throw new SegueError(
        'RESOURCE_EXHAUSTED',
        `a batch holds at most ${limits.maxBatchProblems} problems: submit the rest under another batch id`,
      );
    }
    problems.push(reader.read(input));
  }
  // Taken in, it would hold the id against the batch that was meant.
  if (problems.length === 0) throw refused(`batch ${header.batchId} holds no problems`);
  // A run that is over takes no more: the store, which knows whether it has this batch, says so.
  const result = await replay.putProblems(header, problems, { signal });
  return { ...result, batchId: header.batchId };
}

async function openReader(
  cluster: Cluster,
  tokenizers: Tokenizers,
  { tracedShare = 0 }: SubmitLimits,
  run: RunRecord,
  batchId: string,
): Promise<ProblemReader> {
  const { policy } = parseProgress(run);
  if (policy === null) {
    throw new SegueError('FAILED_PRECONDITION', `run ${run.id} has no policy yet: call CreateRun again`);
  }
  const reward = await cluster.reward();
  const { scorers } = await reward.listScorers({});
  const config = parseRunConfig(JSON.parse(run.configJson), `configuration of run ${run.id}`);
  return new ProblemReader(batchId, config, await tokenizers.of(policy), scorers, tracedShare);
}

/** Turns what a client sent into a problem, or refuses it. Knows the batch so far: ids must differ. */
export class ProblemReader {
  readonly #batchId: string;
  readonly #config: RunConfig;
  readonly #tokenizer: Tokenizer;
  readonly #scorers: ReadonlyMap<string, ScorerInfo>;
  readonly #positions = new Map<string, number>();
  readonly #tracedShare: number;
  /** What the batch belongs to. */
  readonly #trace = currentTrace();
  #hasTraced = false;
  #position = 0;

  constructor(
    batchId: string,
    config: RunConfig,
    tokenizer: Tokenizer,
    scorers: readonly ScorerInfo[],
    tracedShare = 0,
  ) {
    this.#tracedShare = tracedShare;
    this.#batchId = batchId;
    this.#config = config;
    this.#tokenizer = tokenizer;
    this.#scorers = new Map(scorers.map((scorer) => [scorer.name, scorer]));
  }

  read(input: ProblemInput): Problem {
    this.#position++;
    try {
      const id = this.#takeId(input.id);
      this.#checkFields(input);
      const problem = { ...input, id, promptTokens: this.#encode(input) };
      const trace = this.#traceOf(id, input);
      return trace === null ? problem : { ...problem, traceParent: trace };
    } catch (error) {
      const { code, rawMessage } = SegueError.from(error);
      throw new SegueError(code, `problem ${this.#position} of batch ${this.#batchId}: ${rawMessage}`, error);
    }
  }

  /** The first training problem of a batch is traced, so that a small batch is seen, and of the others a share. */
  #traceOf(id: string, { purpose }: ProblemInput): TraceParent | null {
    if (this.#trace === null || purpose !== 'train') return null;
    const isFirst = !this.#hasTraced;
    this.#hasTraced = true;
    return isFirst || hashText(id) / 2 ** 32 < this.#tracedShare ? this.#trace : null;
  }

  #takeId(given: string | null): string {
    const id = given === null || given === '' ? `${this.#batchId}-${this.#position}` : requireId(given, 'id');
    const taken = this.#positions.get(id);
    if (taken !== undefined) throw refused(`id ${id} is that of problem ${taken} already`);
    this.#positions.set(id, this.#position);
    return id;
  }

  #checkFields(input: ProblemInput): void {
    if (input.scorer === '') throw refused('scorer is empty');
    if (!this.#scorers.has(input.scorer)) {
      const known = [...this.#scorers.keys()].sort().join(', ');
      throw refused(`scorer ${JSON.stringify(input.scorer)} is unknown; there are ${known}`);
    }
    if (input.answer === '' && !this.#readsMetadata(input.scorer)) {
      throw refused(`answer is empty, and scorer ${input.scorer} compares with it`);
    }
    if (input.difficulty !== null && !Number.isFinite(input.difficulty)) throw refused('difficulty is not a number');
    if (input.purpose === 'warmup') this.#checkResponse(input.response);
    else if (input.response !== null) throw refused('response is for warm-up problems alone');
  }

  /** Such a scorer may do without an answer: what it judges by lies in the metadata. */
  #readsMetadata(scorer: string): boolean {
    return (this.#scorers.get(scorer)?.metadataSchemaJson ?? '') !== '';
  }

  #checkResponse(response: string | null): void {
    if (response === null || response === '') throw refused('response is empty, and a warm-up problem teaches by it');
    const tokens = named('response', () => this.#tokenizer.encode(response));
    const { maxResponseTokens } = this.#config.rollout;
    // One token more ends it.
    if (tokens.length + 1 > maxResponseTokens) {
      throw refused(
        `response has ${tokens.length} tokens and one for its end, more than rollout.maxResponseTokens = ${maxResponseTokens}`,
      );
    }
  }

  #encode(input: ProblemInput): Int32Array {
    const { prompt } = input;
    if (prompt.length === 0) throw refused('prompt is empty');
    if (typeof prompt !== 'string') {
      for (const [turn, message] of prompt.entries()) {
        if (message.role === '') throw refused(`messages[${turn}].role is empty`);
        if (message.parts.some((part) => part.type === 'image')) {
          throw refused(`messages[${turn}] holds an image, and no engine reads images yet: leave it out`);
        }
      }
    }
    const { maxPromptTokens } = this.#config.rollout;
    const chars = promptText(prompt).length;
    if (chars > maxPromptTokens * longestTokenChars) {
      throw refused(
        `prompt has ${chars} characters, more than rollout.maxPromptTokens = ${maxPromptTokens} tokens can hold`,
      );
    }
    const tokens = named('prompt', () => encodePrompt(this.#tokenizer, prompt));
    if (tokens.length === 0) throw refused('prompt has no tokens');
    if (tokens.length > maxPromptTokens) {
      throw refused(`prompt has ${tokens.length} tokens, more than rollout.maxPromptTokens = ${maxPromptTokens}`);
    }
    return tokens;
  }
}

function refused(message: string): SegueError {
  return new SegueError('INVALID_INPUT', message);
}

/** Puts the field's name before what the tokenizer says. */
function named<T>(field: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    throw new SegueError(code, `${field}: ${rawMessage}`, error);
  }
}
