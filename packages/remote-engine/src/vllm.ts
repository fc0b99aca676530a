/**
 * The dialect of vLLM (from 0.10.2): `/v1/completions` with `return_token_ids`, log-probs as the plain protocol has them. Compared with vLLM's source
 * (docs/engines.md says which) and tested against messages of that form, never yet against vLLM itself. The server must tell raw log-probs, which is its
 * default (`--logprobs-mode raw_logprobs`). A request that goes away is aborted there.
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

/**
 * Said outright, since what a request leaves open is taken from the model's generation_config.json: a penalty there would change what is sampled, and the
 * raw log-probs would not tell.
 */
const unchanged = { repetition_penalty: 1, presence_penalty: 0, frequency_penalty: 0, min_p: 0 };

export const vllm: Dialect = {
  path: '/v1/completions',
  refusal: refuseTempered,
  body: (request) => ({
    ...commonBody(request),
    ...unchanged,
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
