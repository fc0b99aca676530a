/**
 * The dialect of vLLM: `/v1/completions` with `return_token_ids`, log-probs as the plain protocol has them. Tested against messages of the documented form
 * alone, never yet against vLLM itself. The server must tell raw log-probs, which is its default (`--logprobs-mode raw_logprobs`).
 */
import { z } from 'zod';
import { commonBody, type Dialect, malformed, parseMessage, refuseTempered } from './dialect.js';

const messageSchema = z.object({
  choices: z.array(
    z.object({
      token_ids: z.array(z.int()).nullish(),
      logprobs: z.object({ token_logprobs: z.array(z.number().nullable()) }).nullish(),
    }),
  ),
});

export const vllm: Dialect = {
  path: '/v1/completions',
  refusal: refuseTempered,
  body: (request) => ({
    ...commonBody(request),
    // -1 is no limit in every version, 0 in newer ones alone.
    top_k: request.sampling.topK === 0 ? -1 : request.sampling.topK,
    stop_token_ids: request.stopTokens,
    // Stop tokens alone end a completion, as in our own engine.
    ignore_eos: true,
    logprobs: 1,
    return_token_ids: true,
  }),
  reader: () => (message) => {
    const { choices } = parseMessage(messageSchema, message);
    const [choice] = choices;
    const tokens = choice?.token_ids ?? [];
    const logProbs = choice?.logprobs?.token_logprobs ?? [];
    if (choice?.logprobs && !choice.token_ids) throw malformed('log-probs came without token ids', message);
    if (tokens.length !== logProbs.length) throw malformed('a token came without log-prob', message);
    return {
      tokens: tokens.map((token, i) => {
        const logProb = logProbs[i];
        if (logProb === undefined || logProb === null) throw malformed('a token came without log-prob', message);
        return { token, logProb };
      }),
    };
  },
};
