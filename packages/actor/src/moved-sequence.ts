/**
 * A sequence that is taken out of one engine in the middle and goes on in another under the same version: what is left to generate, and the whole in the end. It
 * knows nothing of lanes.
 */
import type { SequenceRequest, SequenceResult } from '@segue/core';

/** Whether it was cut before its own end. One that may not go on in a later iteration says `length` where it was cut, like one that has used up its tokens. */
export function isCutShort({ budgetTokens }: SequenceRequest, { endReason, tokens }: SequenceResult): boolean {
  return endReason !== 'stop' && endReason !== 'repeat' && tokens.length < budgetTokens;
}

/** What goes on where `part` ended: its random numbers are those of their positions, as if it had never been cut. */
export function restOf(request: SequenceRequest, { tokens }: SequenceResult): SequenceRequest {
  const responseTokens = new Int32Array(request.responseTokens.length + tokens.length);
  responseTokens.set(request.responseTokens);
  responseTokens.set(tokens, request.responseTokens.length);
  return { ...request, responseTokens, budgetTokens: request.budgetTokens - tokens.length };
}

/** The sequence as if it had been generated in one go; what was prefilled for each part counts. */
export function joined(before: SequenceResult, after: SequenceResult): SequenceResult {
  const { length } = before.tokens;
  const tokens = new Int32Array(length + after.tokens.length);
  const logProbs = new Float32Array(tokens.length);
  tokens.set(before.tokens);
  tokens.set(after.tokens, length);
  logProbs.set(before.logProbs);
  logProbs.set(after.logProbs, length);
  return {
    ...after,
    tokens,
    logProbs,
    promptTokens: before.promptTokens + after.promptTokens,
    reprefillTokens: before.reprefillTokens + after.reprefillTokens,
    startedAtMs: before.startedAtMs,
  };
}
