/**
 * The dialect of SGLang (as of 0.5.23): its own `/generate` by `input_ids`, since its `/v1/completions` gives texts without token ids. Compared with SGLang's source
 * (docs/engines.md says which) and tested against messages of that form, never yet against SGLang itself. A request that goes away is aborted there.
 */
import type { Sampling } from '@segue/core';
import { z } from 'zod';
import { type Dialect, malformed, parseMessage } from './dialect.js';

const messageSchema = z.object({
  meta_info: z.object({
    /** Of the whole request so far. */
    completion_tokens: z.int(),
    cached_tokens: z.int().optional(),
    /** Log-prob, token id, text. */
    output_token_logprobs: z.array(z.tuple([z.number(), z.int()]).rest(z.unknown())).default([]),
  }),
});

export const sglang: Dialect = {
  path: '/generate',

  /** It tells the log-probs at the sampling temperature; with limits, whether those of all tokens depends on its sampling backend. */
  refusal({ temperature, topK, topP }: Sampling): string | null {
    if (temperature === 0 || (topK === 0 && topP === 1)) return null;
    return 'topK or topP: the server does not say for certain whether its log-probs are those of all tokens or those of what the limits leave';
  },

  body: ({ tokens, maxTokens, sampling, stopTokens, seed }) => ({
    input_ids: tokens,
    sampling_params: {
      max_new_tokens: maxTokens,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      top_k: sampling.topK === 0 ? -1 : sampling.topK,
      // Said outright: a server may take what is left open from the model's generation_config.json.
      min_p: 0,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      stop_token_ids: stopTokens,
      // Stop tokens alone end a completion, as in our own engine.
      ignore_eos: true,
      // Heeded where the server runs with --enable-deterministic-inference.
      sampling_seed: seed,
    },
    return_logprob: true,
    // Of new tokens alone.
    logprob_start_len: -1,
    return_text_in_logprobs: false,
    stream: true,
  }),

  reader() {
    let seen = 0;
    return (message) => {
      const {
        completion_tokens: count,
        cached_tokens,
        output_token_logprobs,
      } = parseMessage(messageSchema, message).meta_info;
      // All tokens so far, or the new ones alone (--incremental-streaming-output).
      const isWhole = output_token_logprobs.length === count;
      const fresh = isWhole ? output_token_logprobs.slice(seen) : output_token_logprobs;
      if (seen + fresh.length !== count)
        throw malformed(`${count} tokens were generated, ${seen + fresh.length} came`, message);
      const isFirst = seen === 0 && count > 0;
      seen = count;
      return {
        tokens: fresh.map(([logProb, token]) => ({ token, logProb })),
        ...(isFirst && cached_tokens !== undefined && { reusedTokens: cached_tokens }),
      };
    };
  },
};
