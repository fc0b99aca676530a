/**
 * How the demo writes problems and chains of thought down. Each problem has two correct chains, one per working style:
 * `careful` writes every state, long and reliable once learned; `hasty` writes the first states and jumps to the answer, short and
 * out of a small policy's reach unless the machine halts that early. The warm-up shows both; which one pays is left to
 * reinforcement learning.
 */
import type { Family, MachineRun } from './machines.js';

export type Style = 'careful' | 'hasty';
export const styles: readonly Style[] = ['careful', 'hasty'];

const styleMarks: Readonly<Record<Style, string>> = { careful: 's', hasty: 'j' };
const familyMarks: Readonly<Record<Family, string>> = { register: 'R', collatz: 'C' };
const promptEnd = ':';
const stateEnd = ';';
const answerMark = '#';

/** States that a hasty chain writes before it jumps. */
const hastyStates = 2;

/** Every character that a prompt or a chain can hold. */
export const alphabet = [
  '0123456789',
  promptEnd,
  stateEnd,
  answerMark,
  ...Object.values(styleMarks),
  ...Object.values(familyMarks),
].join('');

export function writePrompt(family: Family, run: MachineRun): string {
  return familyMarks[family] + run.start + promptEnd;
}

/** The response without its end token: style mark, states, answer mark, answer. */
export function writeChain(style: Style, run: MachineRun): string {
  const shown = style === 'careful' ? run.states : run.states.slice(0, hastyStates);
  const states = [...run.opening, ...shown].map((state) => state + stateEnd);
  return styleMarks[style] + states.join('') + answerMark + run.answer;
}
