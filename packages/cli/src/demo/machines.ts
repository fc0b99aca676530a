/**
 * The two problem families of the demo: small machines that run until they halt. A chain of thought restates the machine's whole state at
 * every step, so each step needs only the one before; the number of steps has a heavy tail; the answer is read off the last
 * state and cannot be guessed. Pure: the same random source gives the same machine. How a chain is written is in chains.ts.
 */
import type { SeededRandom } from '@segue/core';

export const families = ['register', 'collatz'] as const;
export type Family = (typeof families)[number];

/** A machine's way from its start until it halts. */
export interface MachineRun {
  /** The start as the prompt gives it. */
  readonly start: string;
  /** States that a chain writes before the first step: the start in the chain's own notation, where that differs. */
  readonly opening: readonly string[];
  /** The state after each step; the last one halts. */
  readonly states: readonly string[];
  readonly answer: string;
  /** Name of the scorer that judges the answer. */
  readonly scorer: 'exact' | 'numeric';
}

const machines: Readonly<Record<Family, (random: SeededRandom, maxSteps: number) => MachineRun | null>> = {
  register: runRegister,
  collatz: runCollatz,
};

/** Draws a start and runs it; null when the machine has not halted after `maxSteps`. */
export function runMachine(family: Family, random: SeededRandom, maxSteps: number): MachineRun | null {
  return machines[family](random, maxSteps);
}

/**
 * A shift register of five decimal digits: a step drops the first digit and appends the last digit of (first + last). It halts when it
 * appends a zero; the answer is its content. 11117 passes 11178 and 11789 and halts at 17890.
 */
function runRegister(random: SeededRandom, maxSteps: number): MachineRun | null {
  const digits = Array.from({ length: 5 }, () => 1 + random.below(9));
  const start = digits.join('');
  const states: string[] = [];
  while (digits.at(-1) !== 0) {
    if (states.length === maxSteps) return null;
    const entering = (digits[0]! + digits.at(-1)!) % 10;
    digits.shift();
    digits.push(entering);
    states.push(digits.join(''));
  }
  return { start, opening: [], states, answer: digits.join(''), scorer: 'exact' };
}

/**
 * The Collatz map (halve an even number, triple an odd one and add one) from a five-digit start until the number has four digits; the answer
 * is that number. Chains write numbers least significant digit first, which makes halving and tripling local.
 */
function runCollatz(random: SeededRandom, maxSteps: number): MachineRun | null {
  const start = 10_000 + random.below(90_000);
  const states: string[] = [];
  let value = start;
  while (value >= 10_000) {
    if (states.length === maxSteps) return null;
    value = value % 2 === 0 ? value / 2 : 3 * value + 1;
    states.push(reversed(value));
  }
  return { start: String(start), opening: [reversed(start)], states, answer: String(value), scorer: 'numeric' };
}

function reversed(value: number): string {
  return [...String(value)].reverse().join('');
}
