/**
 * One sequence's generation over HTTP: a streamed completion whose prompt is the token ids of prompt and response so far. A completion that ends before the
 * sequence does (a connection that breaks, an end-of-sequence token that is no stop token here) is followed by another one that goes on by token ids.
 * Knows nothing of slots and chunks.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { hashText, SegueError } from '@segue/core';
import type { Sequence, SequenceBounds } from '@segue/engine';
import type { CompletionPart, Dialect } from './dialect.js';
import { call, messagesOf } from './http.js';

export interface CompletionTarget {
  readonly url: string;
  /** The model's name there. */
  readonly name: string;
  readonly bounds: SequenceBounds;
}

/** Completions in a row that may bring no token before the sequence is given up. */
const maxBarren = 3;
const retryPauseMs = 100;

export class Completion {
  readonly #sequence: Sequence;
  readonly #target: CompletionTarget;
  readonly #dialect: Dialect;
  readonly #onProgress: () => void;
  readonly #end = new AbortController();
  readonly #run: Promise<void>;
  #failure: SegueError | null = null;

  /** @param onProgress after every token, at the end and at a failure */
  constructor(sequence: Sequence, target: CompletionTarget, dialect: Dialect, onProgress: () => void) {
    this.#sequence = sequence;
    this.#target = target;
    this.#dialect = dialect;
    this.#onProgress = onProgress;
    this.#run = this.#generate().catch((error) => {
      if (this.#end.signal.aborted) return;
      this.#failure = SegueError.from(error);
      onProgress();
    });
  }

  /** Why no more tokens come; null while they do, and after the end. */
  get failure(): SegueError | null {
    return this.#failure;
  }

  /** Lets the request go; the tokens that have come stay. Nothing is added afterwards. */
  async stop(): Promise<void> {
    this.#end.abort();
    await this.#run;
  }

  async #generate(): Promise<void> {
    let barren = 0;
    while (this.#sequence.end === null) {
      const before = this.#sequence.newTokens;
      const failure = await this.#complete().then(
        () => null,
        (error) => SegueError.from(error),
      );
      if (this.#end.signal.aborted) return;
      if (failure && !isPassing(failure)) throw failure;
      barren = this.#sequence.newTokens > before ? 0 : barren + 1;
      if (barren === maxBarren) throw failure ?? this.#givenUp();
      if (failure) await pause(retryPauseMs * (barren + 1), undefined, { signal: this.#end.signal });
    }
  }

  /** One request, until the sequence ends or the server ends the stream. */
  async #complete(): Promise<void> {
    const { request } = this.#sequence;
    const url = this.#target.url + this.#dialect.path;
    const body = this.#dialect.body({
      model: this.#target.name,
      tokens: this.#sequence.allTokens,
      maxTokens: this.#sequence.allowance,
      sampling: request.sampling,
      stopTokens: request.stopTokens,
      // As with our own engine, a function of run seed, trajectory and position: here of the position at which the request begins.
      seed: hashText(`${request.id}/${this.#sequence.responseTokens}`, request.seed) >>> 1,
    });
    const response = await call(url, body, this.#end.signal);
    const read = this.#dialect.reader();
    let metered = false;
    for await (const message of messagesOf(response, url)) {
      if (this.#end.signal.aborted) return;
      const part = read(message);
      if (!metered) metered = this.#meter(part);
      for (const { token, logProb } of part.tokens) {
        this.#requireToken(token, logProb, url);
        this.#sequence.push(token, logProb);
        this.#onProgress();
        // What the server generates beyond the end is not wanted: leaving the loop lets the request go.
        if (this.#sequence.end !== null) return;
      }
    }
  }

  /** What was computed of prompt and response; all of it, where the server does not say what it had. */
  #meter({ tokens, reusedTokens }: CompletionPart): boolean {
    if (tokens.length === 0 && reusedTokens === undefined) return false;
    const { promptTokens } = this.#sequence.request;
    const reused = reusedTokens ?? 0;
    this.#sequence.promptTokens += Math.max(0, promptTokens.length - reused);
    this.#sequence.reprefillTokens += this.#sequence.responseTokens - Math.max(0, reused - promptTokens.length);
    return true;
  }

  #requireToken(token: number, logProb: number, url: string): void {
    const { vocabularySize } = this.#target.bounds;
    if (token >= 0 && token < vocabularySize && logProb <= 1e-3 && Number.isFinite(logProb)) return;
    throw new SegueError(
      'FAILED_PRECONDITION',
      `${url} sent token ${token} with log-prob ${logProb}, but the policy has ${vocabularySize} tokens: does the server serve this policy?`,
    );
  }

  #givenUp(): SegueError {
    return new SegueError(
      'FAILED_PRECONDITION',
      `${this.#target.url} ended ${maxBarren} completions of sequence ${this.#sequence.id} without a token: is its context shorter than the policy's (${this.#target.bounds.maxContextTokens})?`,
    );
  }
}

/** Whether another try may help. */
function isPassing({ code }: SegueError): boolean {
  return code === 'UNAVAILABLE';
}
