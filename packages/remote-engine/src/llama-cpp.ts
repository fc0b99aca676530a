/**
 * The dialects of llama.cpp's server: its own `/completion`, which also tells log-probs at other temperatures and what it took from its cache, and its
 * `/v1/completions`. Both are proven against the real server.
 */
import type { Sampling } from '@segue/core';
import { z } from 'zod';
import {
  type CompletionPart,
  type CompletionRequest,
  commonBody,
  type Dialect,
  malformed,
  parseMessage,
  refuseTempered,
} from './dialect.js';

const ownMessage = z.object({
  tokens: z.array(z.int()).default([]),
  tokens_predicted: z.int(),
  stop: z.boolean(),
  completion_probabilities: z
    .array(z.object({ id: z.int(), logprob: z.number().optional(), prob: z.number().optional() }))
    .default([]),
  prompt_progress: z.object({ cache: z.int() }).optional(),
});

const heldBack = 'a server with a tokenizer of bytes holds tokens back that end inside a character';

/** Temperatures at which the log-probs of the logits as they are are those that are wanted. */
function isPlain({ temperature }: Sampling): boolean {
  return temperature === 0 || temperature === 1;
}

function isLimited({ topK, topP }: Sampling): boolean {
  return topK > 0 || topP < 1;
}

/** In this order the limits see the tempered probabilities, as in our own sampler; penalties and all else stay away. */
const samplers = ['temperature', 'top_k', 'top_p'];

function shared({ sampling }: CompletionRequest): object {
  return {
    samplers,
    temperature: sampling.temperature,
    top_k: sampling.topK,
    top_p: sampling.topP,
    cache_prompt: true,
  };
}

export const llamaCpp: Dialect = {
  path: '/completion',

  refusal(sampling) {
    if (isPlain(sampling) || !isLimited(sampling)) return null;
    return `temperature ${sampling.temperature} together with topK or topP: the server tells the log-probs of all tokens at temperature 1, or those of what the limits leave`;
  },

  body: (request) => ({
    ...shared(request),
    prompt: request.tokens,
    n_predict: request.maxTokens,
    seed: request.seed,
    stream: true,
    return_tokens: true,
    return_progress: true,
    n_probs: 1,
    post_sampling_probs: !isPlain(request.sampling),
  }),

  reader() {
    let count = 0;
    return (message): CompletionPart => {
      const part = parseMessage(ownMessage, message);
      // Before the first token; what it names as tokens is none.
      if (part.prompt_progress) return { tokens: [], reusedTokens: part.prompt_progress.cache };
      const tokens = part.completion_probabilities.map(({ id, logprob, prob }) => {
        const logProb = logprob ?? (prob === undefined ? undefined : Math.log(prob));
        if (logProb === undefined || !Number.isFinite(logProb))
          throw malformed('a token came without log-prob', message);
        return { token: id, logProb };
      });
      if (part.tokens.length !== tokens.length) throw malformed('a token came without log-prob', message);
      count += tokens.length;
      const due = part.tokens_predicted;
      if (count !== due) throw malformed(`${due} tokens were generated and ${count} came (${heldBack})`, message);
      return { tokens };
    };
  },
};

const openAiMessage = z.object({
  choices: z.array(
    z.object({
      text: z.string(),
      finish_reason: z.string().nullable(),
      logprobs: z.object({ content: z.array(z.object({ id: z.int(), logprob: z.number() })) }).nullish(),
    }),
  ),
});

export const openAi: Dialect = {
  path: '/v1/completions',
  refusal: refuseTempered,
  body: (request) => ({ ...commonBody(request), ...shared(request), logprobs: 1 }),
  reader: () => (message) => {
    const [choice] = parseMessage(openAiMessage, message).choices;
    const content = choice?.logprobs?.content ?? [];
    if (choice && choice.text !== '' && content.length === 0) throw malformed('text came without token ids', message);
    return { tokens: content.map(({ id, logprob }) => ({ token: id, logProb: logprob })) };
  },
};
