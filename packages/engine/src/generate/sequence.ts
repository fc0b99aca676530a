/**
 * One running sequence: its tokens, its limits and why it ends. Holds every rule about ends (stop, repeat, length, budget,
 * yield, in this order, exact per token). Knows nothing of graphs, keys and values, or of the sequences beside it.
 */
import {
  assert,
  maxStopTokens,
  minTemperature,
  RepeatDetector,
  requireRepeatRule,
  SegueError,
  type SequenceRequest,
  type SequenceResult,
  TokenUniforms,
} from '@segue/core';

/** What a request must fit. */
export interface SequenceBounds {
  readonly vocabularySize: number;
  readonly maxContextTokens: number;
}

/** Refuses a request that cannot be generated, naming the field. */
export function requireSequence(request: SequenceRequest, bounds: SequenceBounds): void {
  const refuse = (what: string): never => {
    throw new SegueError('INVALID_INPUT', `sequence ${request.id}: ${what}`);
  };
  const { promptTokens, responseTokens, sampling, budgetTokens, capTokens } = request;
  const { vocabularySize, maxContextTokens } = bounds;
  if (promptTokens.length === 0) refuse('the prompt is empty');
  for (const [name, tokens] of Object.entries({ promptTokens, responseTokens, stopTokens: request.stopTokens })) {
    const at = tokens.findIndex((token: number) => !(Number.isInteger(token) && token >= 0 && token < vocabularySize));
    if (at >= 0) refuse(`${name}[${at}] is ${tokens[at]}, but the policy's vocabulary has ${vocabularySize} tokens`);
  }
  if (request.stopTokens.length > maxStopTokens) refuse(`more than ${maxStopTokens} stop tokens`);
  if (!Number.isInteger(budgetTokens) || budgetTokens < 1)
    refuse(`budgetTokens must be at least 1, got ${budgetTokens}`);
  if (!Number.isInteger(capTokens) || capTokens <= responseTokens.length) {
    refuse(`capTokens must exceed the ${responseTokens.length} response tokens that there are, got ${capTokens}`);
  }
  const longest = promptTokens.length + capTokens;
  if (longest > maxContextTokens) {
    refuse(
      `prompt (${promptTokens.length}) and capTokens (${capTokens}) make ${longest} tokens, past the policy's context of ${maxContextTokens}`,
    );
  }
  const { temperature, topK, topP } = sampling;
  if (!(temperature >= 0 && Number.isFinite(temperature))) refuse(`temperature must be at least 0, got ${temperature}`);
  if (temperature > 0 && temperature < minTemperature)
    refuse(`temperature must be 0 (greedy) or at least ${minTemperature}, got ${temperature}`);
  if (!Number.isInteger(topK) || topK < 0) refuse(`topK must be a whole number from 0 (no limit), got ${topK}`);
  if (!(topP > 0 && topP <= 1)) refuse(`topP must be above 0 and at most 1 (no limit), got ${topP}`);
  if (request.repeat) requireRepeatRule(request.repeat);
}

/** Ends that a sequence finds by itself, before anyone cuts it. */
type OwnEnd = 'stop' | 'repeat' | 'length' | 'budget';

/** A sequence in the engine. */
export class Sequence {
  readonly request: SequenceRequest;
  readonly uniforms: TokenUniforms;
  /** Prompt tokens prefilled on this sequence's account. */
  promptTokens = 0;
  reprefillTokens = 0;
  #startedAtMs: number | null = null;
  readonly #stops: ReadonlySet<number>;
  readonly #repeat: RepeatDetector | null;
  readonly #tokens: number[] = [];
  readonly #logProbs: number[] = [];
  #end: OwnEnd | null = null;

  constructor(request: SequenceRequest) {
    this.request = request;
    this.uniforms = new TokenUniforms(request.seed, request.id);
    this.#stops = new Set(request.stopTokens);
    this.#repeat = request.repeat ? new RepeatDetector(request.repeat) : null;
    for (const token of request.responseTokens) this.#repeat?.push(token);
  }

  get id(): string {
    return this.request.id;
  }

  /** Tokens generated since it was admitted. */
  get newTokens(): number {
    return this.#tokens.length;
  }

  /** Response tokens over all segments. */
  get responseTokens(): number {
    return this.request.responseTokens.length + this.#tokens.length;
  }

  /** Prompt and response, as they are. */
  get allTokens(): number[] {
    const { promptTokens, responseTokens } = this.request;
    return [...promptTokens, ...responseTokens, ...this.#tokens];
  }

  /** The token that the next step reads: the newest one of prompt and response. */
  get lastToken(): number {
    const { promptTokens, responseTokens } = this.request;
    return this.#tokens.at(-1) ?? responseTokens.at(-1) ?? promptTokens.at(-1)!;
  }

  /** Position of `lastToken` in prompt and response together: also the number of tokens before it. */
  get lastPosition(): number {
    return this.request.promptTokens.length + this.responseTokens - 1;
  }

  /** New tokens still allowed: what remains of budget and cap. 0 once it has ended. */
  get allowance(): number {
    if (this.#end) return 0;
    const { budgetTokens, capTokens } = this.request;
    return Math.min(budgetTokens - this.#tokens.length, capTokens - this.responseTokens);
  }

  /** Why it ended; null while it runs. */
  get end(): OwnEnd | null {
    return this.#end;
  }

  /** Marks the start of its first chunk; later calls change nothing. */
  begin(nowMs: number): void {
    this.#startedAtMs ??= nowMs;
  }

  /** Takes the next token and decides whether it is the last. */
  push(token: number, logProb: number): void {
    assert(this.#end === null, `sequence ${this.id} got a token after its end`);
    this.#tokens.push(token);
    this.#logProbs.push(logProb);
    const repeats = this.#repeat?.push(token) ?? false;
    if (this.#stops.has(token)) this.#end = 'stop';
    else if (repeats) this.#end = 'repeat';
    else if (this.responseTokens >= this.request.capTokens) this.#end = 'length';
    else if (this.#tokens.length >= this.request.budgetTokens) this.#end = 'budget';
  }

  /** What leaves the engine: its own end, or `yield` when someone cuts it; on the last span neither leaves it resumable. */
  result(nowMs: number): SequenceResult {
    const end = this.#end ?? 'yield';
    return {
      id: this.id,
      tokens: Int32Array.from(this.#tokens),
      logProbs: Float32Array.from(this.#logProbs),
      endReason: this.request.lastSpan && (end === 'budget' || end === 'yield') ? 'length' : end,
      promptTokens: this.promptTokens,
      reprefillTokens: this.reprefillTokens,
      startedAtMs: this.#startedAtMs ?? nowMs,
      endedAtMs: nowMs,
    };
  }
}
