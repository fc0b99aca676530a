/**
 * The task of all examples: sums of two digits, for a policy so small that it is warmed up in seconds. Your own problems and configuration take its place; every key is
 * in docs/configuration.md.
 */
import type { ProblemInput, RunConfigInput } from '@segue/core';

export const config = {
  seed: 1,
  iterations: 2,
  policy: {
    model: {
      hiddenSize: 32,
      layers: 2,
      heads: 2,
      keyValueHeads: 1,
      headSize: 16,
      intermediateSize: 64,
      maxContextTokens: 32,
    },
    characters: '0123456789+=#',
  },
  rollout: { groupsPerIteration: 8, groupSize: 4, tokenBudget: 8, maxResponseTokens: 8, maxPromptTokens: 8 },
  warmup: { steps: 60, tokensPerStep: 1024, learningRate: 5e-3, rampSteps: 10 },
  evaluation: { everyIterations: 0, samples: 1 },
} satisfies RunConfigInput;

/** @param scorer that judges the responses: a built-in one, or one of your own */
export function sums(scorer: string): ProblemInput[] {
  const pairs = Array.from({ length: 100 }, (_, i) => [Math.floor(i / 10), i % 10] as const);
  return pairs.flatMap(([a, b], i): ProblemInput[] => {
    const problem = (purpose: ProblemInput['purpose'], response: string | null): ProblemInput => ({
      id: null,
      purpose,
      prompt: `${a}+${b}=`,
      answer: String(a + b),
      scorer,
      tags: ['sum'],
      difficulty: null,
      metadata: {},
      response,
    });
    // Warm-up problems teach the form of an answer: not the right digits yet.
    return [problem(i % 4 === 0 ? 'evaluation' : 'train', null), problem('warmup', `#${(a * 7 + b * 3) % 19}`)];
  });
}

/** Where the cluster is: the first argument, SEGUE_CONTROLLER, or where `segue up` says. */
export function controllerAddress(): string {
  const address = process.argv[2] ?? process.env.SEGUE_CONTROLLER;
  if (address === undefined) throw new Error('give the controller as host:port, as segue up prints it');
  return address;
}
