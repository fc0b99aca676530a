/**
 * The demo's problems, all from one seed: a held-out set, a training set and a warm-up corpus, no two of which share a problem.
 */
import { type ProblemInput, type ProblemPurpose, SeededRandom } from '@segue/core';
import { type Style, styles, writeChain, writePrompt } from './chains.js';
import { type Family, families, type MachineRun, runMachine } from './machines.js';

/** Problems that halt earlier are drawn again: a step or two is no chain of thought, and a response of a few tokens costs more on its way than to write. */
const minSteps = 5;
/** Problems with a longer careful chain are drawn again, so that every answer fits under the demo's response cap. */
const maxChainCharacters = 250;
/** No chain of more steps fits: a step takes at least five characters. */
const maxSteps = Math.floor(maxChainCharacters / 5);

export interface DemoSizes {
  readonly heldOut: number;
  readonly train: number;
  readonly warmup: number;
  /** Share of hasty chains in the warm-up corpus. */
  readonly hastyShare: number;
}

export interface DemoProblems {
  readonly heldOut: readonly ProblemInput[];
  readonly train: readonly ProblemInput[];
  readonly warmup: readonly ProblemInput[];
}

interface Draw {
  readonly family: Family;
  readonly run: MachineRun;
  readonly prompt: string;
}

export function makeDemoProblems(seed: number, sizes: DemoSizes): DemoProblems {
  const seen = new Set<string>();
  const draw = (purpose: ProblemPurpose, count: number) =>
    drawDistinct(new SeededRandom(seed, `demo-${purpose}`), count, seen);
  const style = new SeededRandom(seed, 'demo-style');
  // The held-out set comes first: what is drawn later must not be in it.
  const heldOut = draw('evaluation', sizes.heldOut).map((d) => describe(d, 'evaluation', null));
  const train = draw('train', sizes.train).map((d) => describe(d, 'train', null));
  const warmup = draw('warmup', sizes.warmup).map((d) =>
    describe(d, 'warmup', style.next() < sizes.hastyShare ? 'hasty' : 'careful'),
  );
  return { heldOut, train, warmup };
}

/** Draws problems that were not seen before, the families taking turns. */
function drawDistinct(random: SeededRandom, count: number, seen: Set<string>): Draw[] {
  const draws: Draw[] = [];
  while (draws.length < count) {
    const family = families[draws.length % families.length]!;
    const run = runMachine(family, random, maxSteps);
    if (!run || run.states.length < minSteps) continue;
    if (styles.some((style) => writeChain(style, run).length > maxChainCharacters)) continue;
    const prompt = writePrompt(family, run);
    if (seen.has(prompt)) continue;
    seen.add(prompt);
    draws.push({ family, run, prompt });
  }
  return draws;
}

function describe({ family, run, prompt }: Draw, purpose: ProblemPurpose, style: Style | null): ProblemInput {
  return {
    id: null,
    purpose,
    prompt,
    answer: run.answer,
    scorer: run.scorer,
    tags: style === null ? [family] : [family, style],
    difficulty: run.states.length,
    metadata: {},
    response: style === null ? null : writeChain(style, run),
  };
}
