/**
 * The supervised warm-up's data and schedule: rows from problems, steps from rows, learning rate from steps. Pure; the
 * same seed gives the same steps.
 */
import { type Problem, type RunConfig, SeededRandom, SegueError } from '@segue/core';

type WarmupConfig = RunConfig['warmup'];

/** Prompt and response in one; `mask` is 1 on the response, its end token included. */
export interface SupervisedRow {
  readonly tokens: Int32Array;
  readonly mask: Uint8Array;
}

/** The row of a worked example. INVALID_INPUT, naming the problem, when it has no response or does not fit. */
export function supervisedRow(
  problem: Problem,
  encode: (text: string) => Int32Array,
  endToken: number,
  maxTokens: number,
): SupervisedRow {
  if (problem.response === null || problem.response === '') {
    throw new SegueError('INVALID_INPUT', `warm-up problem ${problem.id} has no response`);
  }
  const response = encode(problem.response);
  const length = problem.promptTokens.length + response.length + 1;
  if (length > maxTokens) {
    throw new SegueError(
      'INVALID_INPUT',
      `warm-up problem ${problem.id} has ${length} tokens; the policy's context holds ${maxTokens}`,
    );
  }
  const tokens = new Int32Array(length);
  tokens.set(problem.promptTokens);
  tokens.set(response, problem.promptTokens.length);
  tokens[length - 1] = endToken;
  return { tokens, mask: new Uint8Array(length).fill(1, problem.promptTokens.length) };
}

/** Lengths count in multiples of this, as they are padded. */
const lengthMultiple = 16;

/** Endless steps of rows: epochs in a seeded order, each step as many rows as its tokens allow, at least one. */
export function* supervisedSteps(
  rows: readonly SupervisedRow[],
  tokensPerStep: number,
  seed: number,
): Generator<SupervisedRow[], never> {
  if (rows.length === 0) throw new SegueError('FAILED_PRECONDITION', 'the run has no warm-up problems to learn from');
  let step: SupervisedRow[] = [];
  let tokens = 0;
  for (let epoch = 0; ; epoch++) {
    for (const row of new SeededRandom(seed, `warm-up epoch ${epoch}`).shuffle(rows)) {
      const padded = Math.ceil(row.tokens.length / lengthMultiple) * lengthMultiple;
      if (step.length > 0 && tokens + padded > tokensPerStep) {
        yield step;
        step = [];
        tokens = 0;
      }
      step.push(row);
      tokens += padded;
    }
  }
}

/** Linear ramp-up, then cosine decay to the final rate. @param step from 0 */
export function learningRateAt(config: WarmupConfig, step: number): number {
  const { steps, rampSteps, learningRate, finalLearningRate } = config;
  if (step < rampSteps) return (learningRate * (step + 1)) / rampSteps;
  const progress = (step - rampSteps) / Math.max(1, steps - 1 - rampSteps);
  return finalLearningRate + (learningRate - finalLearningRate) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress)));
}
