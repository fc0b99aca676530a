/**
 * The work of a chaos run: a task that a very small policy learns in seconds. End in the digit that pays, behind a run of dots whose length has a heavy tail,
 * so that many responses span iterations. Nothing is left out of an iteration: generate, score, train, activate.
 */
import { parseRunConfig, SeededRandom } from '@segue/core';

const letters = 'abcdefgh';

/** New tokens of a trajectory in one iteration. */
export const tokenBudget = 64;

/** @param {{ seed: number, iterations: number, groups: number }} options groups of eight that an iteration trains on; it plans half as many more */
export function taskConfig({ seed, iterations, groups }) {
  return parseRunConfig(
    {
      seed,
      iterations,
      policy: {
        model: {
          hiddenSize: 128,
          layers: 4,
          heads: 4,
          keyValueHeads: 2,
          headSize: 32,
          intermediateSize: 384,
          maxContextTokens: 264,
        },
        characters: `01.#:${letters}`,
      },
      rollout: {
        groupsPerIteration: groups,
        groupSize: 8,
        tokenBudget,
        maxResponseTokens: 256,
        maxPromptTokens: 8,
        // The account wants every planned segment.
        closeWhen: 'all',
        // A process that is killed again and again is no reason to give a trajectory up here.
        maxAttempts: 100,
      },
      train: { learningRate: 5e-4, updatesPerIteration: 2, keepEqualGroups: true },
      warmup: { steps: 40, tokensPerStep: 1024, learningRate: 5e-3, rampSteps: 10 },
    },
    'chaos',
  );
}

/** @param {number} seed */
export function taskProblems(seed) {
  const random = new SeededRandom(seed, 'chaos task');
  const word = () => Array.from({ length: 3 }, () => letters[random.below(letters.length)]).join('');
  const problem = (purpose, response = null) => ({
    id: null,
    purpose,
    prompt: `${word()}:`,
    answer: '1',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response,
  });
  const dots = () => '.'.repeat(Math.min(240, Math.floor(40 / (0.07 + random.next()))));
  return [
    ...Array.from({ length: 200 }, () => problem('train')),
    ...Array.from({ length: 600 }, () => problem('warmup', `${dots()}#${random.below(2)}`)),
  ];
}
