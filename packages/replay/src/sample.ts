/**
 * Draws judged trajectories with replacement: evenly, oldest or newest first, or by how hard their problems are. Reads all of a run's
 * trajectories each time, some at a time, so that appends and scores go on meanwhile; one that is judged during that is drawn or not. Changes nothing.
 */
import { setImmediate as othersTurn } from 'node:timers/promises';
import { assert, SeededRandom, SegueError, type Selector, type Trajectory } from '@segue/core';
import { untriedProblem } from './rows.js';
import { requireRun } from './runs.js';
import type { Tables } from './tables.js';
import { getTrajectory } from './trajectories.js';

/** Smallest weight of a problem that is always solved. */
const priorityFloor = 0.05;
const maxSampleCount = 1024;
/** Rows that are read before others have their turn: a few milliseconds. */
const rowsAtOnce = 256;
/** Tokens of the answer at most, prompts too: with what belongs to each, about half of the largest message. */
const maxAnswerTokens = 400_000;

export interface SampleRequest {
  readonly runId: string;
  readonly count: number;
  readonly selector: Selector;
  readonly seed: number;
}

export interface SampleResult {
  readonly trajectories: readonly Trajectory[];
  /** Probability of each draw. */
  readonly probabilities: readonly number[];
  readonly population: number;
}

interface Candidate {
  readonly id: string;
  readonly weight: number;
}

export async function sampleTrajectories(tables: Tables, request: SampleRequest): Promise<SampleResult> {
  const { runId, count, selector, seed } = request;
  requireRun(tables, runId);
  if (count < 1 || count > maxSampleCount) {
    throw new SegueError('INVALID_INPUT', `count must be within 1 and ${maxSampleCount}, got ${count}`);
  }
  const candidates: Candidate[] = [];
  let read = 0;
  for (const { id, state, problemId } of tables.trajectories.rows([runId])) {
    if (++read % rowsAtOnce === 0) await othersTurn();
    if (state !== 'scored') continue;
    candidates.push({ id, weight: selector === 'prioritized' ? weightOf(tables, runId, problemId) : 1 });
  }
  const drawn = candidates.length === 0 ? [] : draw(candidates, selector, count, seed);
  return {
    trajectories: await readAll(
      tables,
      drawn.map(({ id }) => id),
    ),
    probabilities: drawn.map(({ probability }) => probability),
    population: candidates.length,
  };
}

async function readAll(tables: Tables, ids: readonly string[]): Promise<Trajectory[]> {
  const trajectories: Trajectory[] = [];
  let tokens = 0;
  for (const [index, id] of ids.entries()) {
    if (index % 8 === 7) await othersTurn();
    const trajectory = getTrajectory(tables, id);
    tokens += trajectory.segments.reduce((sum, segment) => sum + segment.tokens.length, trajectory.promptTokens.length);
    if (tokens > maxAnswerTokens) {
      const message = `the first ${index + 1} of ${ids.length} draws hold more than ${maxAnswerTokens} tokens: ask for fewer at once`;
      throw new SegueError('INVALID_INPUT', message);
    }
    trajectories.push(trajectory);
  }
  return trajectories;
}

/** 1 - success rate of the problem (k1.5 section 2.3.4), with a floor. */
function weightOf(tables: Tables, runId: string, problemId: string): number {
  const { attempts, successes } = tables.problemTallies.get([runId, problemId]) ?? untriedProblem;
  return attempts === 0 ? 1 : Math.max(priorityFloor, 1 - successes / attempts);
}

function draw(candidates: readonly Candidate[], selector: Selector, count: number, seed: number) {
  const at = (index: number): Candidate => {
    const candidate = candidates[index];
    assert(candidate !== undefined, `draw ${index} of ${candidates.length}`);
    return candidate;
  };
  const ordered = (index: number) => index % candidates.length;
  if (selector === 'fifo') {
    return Array.from({ length: count }, (_, i) => ({ id: at(ordered(i)).id, probability: 1 }));
  }
  if (selector === 'lifo') {
    return Array.from({ length: count }, (_, i) => ({ id: at(candidates.length - 1 - ordered(i)).id, probability: 1 }));
  }
  const random = new SeededRandom(seed, 'sample');
  const upTo: number[] = [];
  let total = 0;
  for (const { weight } of candidates) {
    total += weight;
    upTo.push(total);
  }
  return Array.from({ length: count }, () => {
    const point = random.next() * total;
    const { id, weight } = at(firstAbove(upTo, point));
    return { id, probability: weight / total };
  });
}

/** Index of the first sum above `point`, by halving. */
function firstAbove(sums: readonly number[], point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
