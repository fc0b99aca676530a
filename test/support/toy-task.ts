/**
 * A task that a very small policy learns in seconds: end in the digit that pays, behind a run of dots whose length has a heavy tail. The warm-up
 * shows both digits evenly, so the warmed-up policy is right half of the time, and only the reward tells which digit it is.
 */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunConfigInput, SeededRandom } from '@segue/core';
import { stringify } from 'yaml';

const letters = 'abcdefgh';

/** Budget 12 of a cap of 48: dots beyond twelve make a response span iterations. */
export const toyConfig = {
  seed: 1,
  iterations: 8,
  policy: {
    model: {
      hiddenSize: 32,
      layers: 2,
      heads: 2,
      keyValueHeads: 1,
      headSize: 16,
      intermediateSize: 64,
      maxContextTokens: 64,
    },
    characters: `01.#:${letters}`,
  },
  rollout: { groupsPerIteration: 12, groupSize: 6, tokenBudget: 12, maxResponseTokens: 48, maxPromptTokens: 8 },
  train: { learningRate: 5e-4, updatesPerIteration: 2 },
  warmup: { steps: 80, tokensPerStep: 1024, learningRate: 5e-3, rampSteps: 10 },
  evaluation: { everyIterations: 0, samples: 2 },
} satisfies RunConfigInput;

interface ToyProblem {
  readonly purpose: string;
  readonly prompt: string;
  readonly answer: string;
  readonly scorer: string;
  readonly response?: string;
}

export function toyProblems(seed: number): ToyProblem[] {
  const random = new SeededRandom(seed, 'toy');
  const word = () => Array.from({ length: 3 }, () => letters[random.below(letters.length)]).join('');
  const make = (purpose: string): ToyProblem => ({ purpose, prompt: `${word()}:`, answer: '1', scorer: 'exact' });
  const dots = () => '.'.repeat(Math.min(40, Math.floor(3 / (0.07 + random.next()))));
  return [
    ...Array.from({ length: 64 }, () => make('evaluation')),
    ...Array.from({ length: 200 }, () => make('train')),
    ...Array.from({ length: 1200 }, () => ({ ...make('warmup'), response: `${dots()}#${random.below(2)}` })),
  ];
}

export interface ToyFiles {
  readonly folder: string;
  readonly data: string;
  readonly config: string;
  readonly problems: string;
}

/** Writes configuration and problems into a new temporary folder. */
export async function writeToyTask(
  overrides: RunConfigInput = {},
  problems: readonly object[] = toyProblems(1),
): Promise<ToyFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'segue-toy-'));
  const files = {
    folder,
    data: join(folder, 'data'),
    config: join(folder, 'run.yaml'),
    problems: join(folder, 'problems.jsonl'),
  };
  await mkdir(files.data);
  await writeFile(files.config, stringify({ ...toyConfig, ...overrides }));
  await writeFile(files.problems, `${problems.map((problem) => JSON.stringify(problem)).join('\n')}\n`);
  return files;
}
