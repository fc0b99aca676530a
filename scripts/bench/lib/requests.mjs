/**
 * What an engine is asked for in benchmarks, said once: a new sequence at temperature 1 over the whole vocabulary that ends at its length and
 * nowhere before. Each benchmark names what is different for it.
 */

/**
 * @param {{ id: string, promptKey: string, promptTokens: Int32Array, tokens: number }} what `tokens` to generate
 * @param {object} changes fields of a sequence request in place of these
 */
export function sequenceRequest({ id, promptKey, promptTokens, tokens }, changes = {}) {
  return {
    id,
    promptKey,
    promptTokens,
    responseTokens: new Int32Array(),
    seed: 1,
    sampling: { temperature: 1, topK: 0, topP: 1 },
    stopTokens: [],
    budgetTokens: tokens,
    capTokens: tokens,
    lastSpan: false,
    repeat: null,
    ...changes,
  };
}
