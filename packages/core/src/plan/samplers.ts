/**
 * Which problems a plan begins (k1.5 section 2.3.4): uniform, curriculum, prioritised by 1 - success rate. Pure and seeded: the draw is a
 * function of the run seed, the iteration and what is known of the problems. A draw never repeats a problem inside one plan unless the
 * sampler allows it and the plan is larger than the pool; a problem that is drawn again in a later plan gets a new group there.
 */
import { SeededRandom } from '../random.js';
import type { RunConfig } from '../run-config.js';

/** What a sampler looks at. */
export interface Candidate {
  readonly id: string;
  /** 0 is easiest; null when unknown. */
  readonly difficulty: number | null;
  /** Responses judged so far, and how many of them were right. */
  readonly attempts: number;
  readonly successes: number;
  /** Groups of this problem that are not yet complete. */
  readonly openGroups: number;
  /** It kills whoever works on it: never drawn. */
  readonly givenUp?: boolean;
  /** Somebody asked for it: drawn first. */
  readonly requeued?: boolean;
}

export interface DrawRequest {
  readonly candidates: readonly Candidate[];
  readonly count: number;
  readonly iteration: number;
  /** Run seed. */
  readonly seed: number;
  readonly rules: RunConfig['problems'];
}

/** Ids of at most `count` problems for the plan of one iteration: what was asked for, then the sampler's; fewer when it has no more to give. */
export function drawProblems(request: DrawRequest): string[] {
  const wanted = request.candidates.filter(({ requeued }) => requeued === true).slice(0, request.count);
  const others = request.candidates.filter((c) => c.givenUp !== true && !wanted.includes(c));
  const drawn = drawBySampler({ ...request, candidates: others, count: request.count - wanted.length });
  return [...wanted.map(({ id }) => id), ...drawn];
}

function drawBySampler(request: DrawRequest): string[] {
  const random = new SeededRandom(request.seed, `sample-${request.iteration}`);
  switch (request.rules.sampler) {
    case 'uniform':
      return drawEvenly(request.candidates, request.count, random);
    case 'curriculum':
      return drawEvenly(curriculumPool(request), request.count, random);
    case 'prioritized':
      return drawByPriority(request, random);
  }
}

/** Every candidate once in random order, then all of them again, until there are enough. */
function drawEvenly(candidates: readonly Candidate[], count: number, random: SeededRandom): string[] {
  const drawn: string[] = [];
  while (candidates.length > 0 && drawn.length < count) {
    for (const candidate of random.shuffle(candidates).slice(0, count - drawn.length)) drawn.push(candidate.id);
  }
  return drawn;
}

/**
 * The easiest problems, opening up evenly until all take part in iteration `curriculumIterations - 1`. Unknown difficulty counts as the
 * median of the known ones. The pool never falls below the draw.
 */
export function curriculumPool(request: DrawRequest): readonly Candidate[] {
  const { candidates, count, iteration, rules } = request;
  const known = candidates.flatMap((c) => (c.difficulty === null ? [] : [c.difficulty])).sort((a, b) => a - b);
  const middle = known[Math.floor((known.length - 1) / 2)] ?? 0;
  const byDifficulty = candidates
    .map((candidate, order) => ({ candidate, order, difficulty: candidate.difficulty ?? middle }))
    .sort((a, b) => a.difficulty - b.difficulty || a.order - b.order);
  const open = Math.ceil((candidates.length * (iteration + 1)) / rules.curriculumIterations);
  return byDifficulty.slice(0, Math.max(open, count)).map((entry) => entry.candidate);
}

/** Weight of a problem: 1 - success rate, at least the floor; 1 while nothing is known. */
export function priorityOf(candidate: Candidate, floor: number): number {
  if (candidate.attempts === 0) return 1;
  return Math.max(floor, 1 - candidate.successes / candidate.attempts);
}

/**
 * Weighted draw without replacement, by the smallest of exponential keys -log(u) / weight (Efraimidis and Spirakis). Problems in
 * flight are left out: their verdicts are still to come, and hard ones would be drawn again and again.
 */
function drawByPriority(request: DrawRequest, random: SeededRandom): string[] {
  const keyed: { id: string; key: number }[] = [];
  for (const candidate of request.candidates) {
    // The number is taken for every candidate, so that one problem in flight does not change the others' draw.
    const uniform = 1 - random.next();
    const weight = priorityOf(candidate, request.rules.priorityFloor);
    if (candidate.openGroups > 0 || weight <= 0) continue;
    keyed.push({ id: candidate.id, key: -Math.log(uniform) / weight });
  }
  return keyed
    .sort((a, b) => a.key - b.key)
    .slice(0, request.count)
    .map((entry) => entry.id);
}
