/**
 * The arithmetic between a scorer's verdict and the loss: shaped rewards, baselines, which tokens are trained on, and
 * with which weight. Pure rules over plain numbers (k1.5 sections 2.3.2 and 2.3.3). It knows nothing of tensors,
 * batches or storage.
 */
import type { Segment, Trajectory } from './domain.js';
import { assert } from './error.js';
import { SeededRandom } from './random.js';
import type { RunConfig } from './run-config.js';

export type Baseline = RunConfig['train']['baseline'];

/** tau * log Z, with Z = mean of exp(r / tau) over a group's rewards (k1.5 section 2.3.2); never overflows. */
export function tauLogZ(rewards: readonly number[], tau: number): number {
  assert(
    rewards.length > 0 && tau > 0,
    `tau * log Z needs rewards and a positive tau, got ${rewards.length} and ${tau}`,
  );
  const top = Math.max(...rewards);
  let sum = 0;
  for (const reward of rewards) sum += Math.exp((reward - top) / tau);
  return top + tau * Math.log(sum / rewards.length);
}

/** What each reward of one group exceeds its baseline by: the group mean, or tau * log Z (k1.5 section 2.3.2). */
export function advantages(rewards: readonly number[], baseline: Baseline, tau: number): number[] {
  if (rewards.length === 0) return [];
  const mean = rewards.reduce((sum, reward) => sum + reward, 0) / rewards.length;
  const level = baseline === 'mean' ? mean : tauLogZ(rewards, tau);
  return rewards.map((reward) => reward - level);
}

/** A group member for the length reward. */
export interface MemberLength {
  /** Final response length in tokens; null when the response never ended (it was given up). */
  readonly tokens: number | null;
  /** The verdict; null when there is none. */
  readonly correct: boolean | null;
}

/**
 * Length reward of each member, before its weight (k1.5 section 2.3.3): lambda = 0.5 - (len - min) / (max - min) for a
 * right answer, min(0, lambda) for a wrong one, all zero when max = min. The bounds are those of every member that
 * ended, judged or not; who has no length or no verdict gets 0.
 */
export function lengthRewards(members: readonly MemberLength[]): number[] {
  const lengths = members.flatMap((member) => (member.tokens === null ? [] : [member.tokens]));
  const shortest = Math.min(...lengths);
  const longest = Math.max(...lengths);
  return members.map(({ tokens, correct }) => {
    if (tokens === null || correct === null || longest === shortest) return 0;
    const lambda = 0.5 - (tokens - shortest) / (longest - shortest);
    return correct ? lambda : Math.min(0, lambda);
  });
}

/** Weight of the length reward: 0 during its warm-up, constant after it (k1.5 section 2.3.3). */
export function lengthRewardWeight(config: RunConfig['train']['lengthReward'], iteration: number): number {
  return iteration < config.warmupIterations ? 0 : config.weight;
}

/** A member that can be trained on: it ended, and a scorer judged it. A failed one is left out, never scored zero. */
export function isUsable(trajectory: Trajectory): boolean {
  const { state, score } = trajectory;
  return (
    state === 'scored' && score !== null && score.reward !== null && (score.status === 'ok' || score.status === 'wrong')
  );
}

/** Response tokens over all segments. */
export function responseLength(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.tokens.length, 0);
}

/**
 * Rewards of a group's members with length reward and repeat penalty added; null for members that cannot be used. The
 * lengths of members that ended without a verdict still bound the length reward: it is over the whole group.
 */
export function shapedRewards(
  members: readonly Trajectory[],
  config: Pick<RunConfig, 'train' | 'rollout'>,
  iteration: number,
): (number | null)[] {
  const lengths = lengthRewards(
    members.map((member) => ({
      tokens: member.state === 'failed' && member.score === null ? null : responseLength(member.segments),
      correct: isUsable(member) ? member.score?.status === 'ok' : null,
    })),
  );
  const weight = lengthRewardWeight(config.train.lengthReward, iteration);
  return members.map((member, i) => {
    const reward = isUsable(member) ? member.score?.reward : null;
    if (reward === null || reward === undefined) return null;
    const repeated = member.segments.at(-1)?.endReason === 'repeat';
    return reward + weight * lengths[i]! - (repeated ? config.rollout.repeat.penalty : 0);
  });
}

/**
 * The control experiment `random-reward`: the same rewards, handed to other responses of the batch by a seeded
 * permutation. What is null (unusable) stays where it is.
 */
export function permuteRewards(
  groups: readonly (readonly (number | null)[])[],
  seed: number,
  iteration: number,
): (number | null)[][] {
  const rewards = groups.flat().filter((reward) => reward !== null);
  const shuffled = new SeededRandom(seed, `random-reward-${iteration}`).shuffle(rewards);
  let next = 0;
  return groups.map((members) => members.map((reward) => (reward === null ? null : shuffled[next++]!)));
}

/** What decides whether a token enters the loss. */
export interface TokenSelection {
  readonly tokens: RunConfig['train']['tokens'];
  readonly windowVersions: number;
  /** The iteration that trains, and the version i that samples in it. */
  readonly iteration: number;
  readonly policyVersion: number;
}

/**
 * Whether the run's policy lets a segment's tokens into the loss: `all`, `current` (k1.5 section 2.6.2) or `window`.
 */
export function isSelected(segment: Pick<Segment, 'iteration' | 'policyVersion'>, selection: TokenSelection): boolean {
  if (selection.tokens === 'all') return true;
  if (selection.tokens === 'current') return segment.iteration === selection.iteration;
  return selection.policyVersion - segment.policyVersion <= selection.windowVersions;
}

/** 1 per response token that enters the loss. Tokens of another origin than the policy, and masked ones, never do. */
export function tokenMask(segments: readonly Segment[], selection: TokenSelection): Uint8Array {
  const mask = new Uint8Array(responseLength(segments));
  let at = 0;
  for (const segment of segments) {
    const selected = segment.endReason !== 'error' && isSelected(segment, selection);
    for (let i = 0; i < segment.tokens.length; i++, at++) {
      const own = (segment.origins?.[i] ?? 0) === 0;
      const unmasked = (segment.lossMask?.[i] ?? 1) === 1;
      mask[at] = selected && own && unmasked ? 1 : 0;
    }
  }
  return mask;
}

/** One response's tokens under the two policies that matter. All arrays have one entry per response token. */
export interface TokenLogProbs {
  /** Under policy i, by the trainer. */
  readonly reference: Float32Array;
  /** Under the version that wrote the token, by the actor. */
  readonly behaviour: Float32Array;
  /** Version that wrote the token. */
  readonly versions: Int32Array;
  readonly mask: Uint8Array;
}

/**
 * Truncated importance weights min(clip, pi_i / pi_behaviour) of the tokens that an older version wrote; 1 for those of
 * policy i itself.
 * @returns the weights, and how many trained tokens hit the bound
 */
export function importanceWeights(
  tokens: TokenLogProbs,
  policyVersion: number,
  clip: number,
): { weights: Float32Array; clipped: number } {
  const { reference, behaviour, versions, mask } = tokens;
  const weights = new Float32Array(reference.length).fill(1);
  let clipped = 0;
  for (let i = 0; i < weights.length; i++) {
    if (mask[i] === 0 || versions[i] === policyVersion) continue;
    const ratio = Math.exp(reference[i]! - behaviour[i]!);
    if (ratio > clip) clipped++;
    weights[i] = Math.min(clip, ratio);
  }
  return { weights, clipped };
}

/** How far the actor's log-probs are from the trainer's over trained tokens that policy i wrote. */
export interface LogProbDifference {
  readonly max: number;
  readonly sum: number;
  readonly count: number;
}

export const noLogProbDifference: LogProbDifference = { max: 0, sum: 0, count: 0 };

/** Adds one response to the measure. A value that is not a number counts as infinitely far. */
export function addLogProbDifference(
  measured: LogProbDifference,
  tokens: TokenLogProbs,
  policyVersion: number,
): LogProbDifference {
  let { max, sum, count } = measured;
  for (let i = 0; i < tokens.mask.length; i++) {
    if (tokens.mask[i] === 0 || tokens.versions[i] !== policyVersion) continue;
    const difference = Math.abs(tokens.reference[i]! - tokens.behaviour[i]!);
    const distance = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
    max = Math.max(max, distance);
    sum += distance;
    count++;
  }
  return { max, sum, count };
}
