/**
 * From the complete groups of a frozen batch to the rows that a trainer learns from. Pure: order in, order out; the
 * store has shuffled it. A group is never split: not between two updates, and not by leaving out a row whose tokens are
 * all masked (its reward is part of the baseline).
 */
import type { CompleteGroup } from './domain.js';
import { advantages, permuteRewards, shapedRewards, tokenMask } from './reward-math.js';
import type { RunConfig } from './run-config.js';

/** One response to learn from. The per-token arrays have one entry per response token. */
export interface TrainRow {
  readonly trajectoryId: string;
  /** Position of its group among `GroupBatch.groupIds`. */
  readonly group: number;
  readonly promptTokens: Int32Array;
  readonly responseTokens: Int32Array;
  /** Log-probs that the actors recorded. */
  readonly behaviour: Float32Array;
  /** Policy version that wrote each token. */
  readonly versions: Int32Array;
  /** 1 where the token enters the loss. */
  readonly mask: Uint8Array;
  /** Shaped reward, after the control experiment's permutation. */
  readonly reward: number;
  readonly advantage: number;
}

export interface GroupBatch {
  readonly rows: readonly TrainRow[];
  /** Groups that have rows. */
  readonly groupIds: readonly string[];
  /** Groups left out for want of usable members. */
  readonly unusableGroups: number;
  /** Members left out of the groups that train: they failed. */
  readonly failedMembers: number;
  readonly responseTokens: number;
  readonly trainedTokens: number;
  /** Trained tokens that an older version wrote. */
  readonly offPolicyTokens: number;
  /** Versions between the one that wrote a trained token and the one that samples: their sum and the largest. */
  readonly trainedTokenAges: number;
  readonly trainedTokenAgeMax: number;
  /** Mean of the scorers' rewards, before shaping and permutation; 0 without rows. */
  readonly rewardMean: number;
  readonly responseTokensMean: number;
}

/** What of a run decides its batches. */
export type BatchRules = Pick<RunConfig, 'seed' | 'control' | 'train' | 'rollout'>;

/**
 * Makes the rows of one iteration's frozen batch.
 * @param policyVersion version i, the one that samples in this iteration
 */
export function assembleBatch(
  groups: readonly CompleteGroup[],
  config: BatchRules,
  iteration: number,
  policyVersion: number,
): GroupBatch {
  const { train } = config;
  const selection = { tokens: train.tokens, windowVersions: train.windowVersions, iteration, policyVersion };
  const shaped = groups.map(({ trajectories }) => shapedRewards(trajectories, config, iteration));
  const usable = shaped.map((rewards) => rewards.filter((reward) => reward !== null).length >= train.minUsableMembers);
  const kept = groups.filter((_, i) => usable[i]);
  const keptRewards = shaped.filter((_, i) => usable[i]);
  const rewards =
    config.control === 'random-reward' ? permuteRewards(keptRewards, config.seed, iteration) : keptRewards;

  const rows: TrainRow[] = [];
  let failedMembers = 0;
  let rewardSum = 0;
  kept.forEach(({ trajectories }, group) => {
    const memberRewards = rewards[group]!;
    const present = memberRewards.filter((reward) => reward !== null);
    const memberAdvantages = advantages(present, train.baseline, train.tau);
    let next = 0;
    trajectories.forEach((trajectory, member) => {
      const reward = memberRewards[member]!;
      if (reward === null) {
        failedMembers++;
        return;
      }
      rewardSum += trajectory.score?.reward ?? 0;
      const { promptTokens, segments } = trajectory;
      rows.push({
        trajectoryId: trajectory.id,
        group,
        promptTokens,
        responseTokens: concatenate(Int32Array, segments, (segment) => segment.tokens),
        behaviour: concatenate(Float32Array, segments, (segment) => segment.logProbs),
        versions: concatenate(Int32Array, segments, ({ tokens, policyVersion: version }) =>
          new Int32Array(tokens.length).fill(version),
        ),
        mask: tokenMask(segments, selection),
        reward,
        advantage: memberAdvantages[next++]!,
      });
    });
  });

  const responseTokens = rows.reduce((sum, row) => sum + row.responseTokens.length, 0);
  const perRow = (total: number) => (rows.length === 0 ? 0 : total / rows.length);
  return {
    rows,
    groupIds: kept.map(({ group }) => group.id),
    unusableGroups: groups.length - kept.length,
    failedMembers,
    responseTokens,
    ...describeTrainedTokens(rows, policyVersion),
    rewardMean: perRow(rewardSum),
    responseTokensMean: perRow(responseTokens),
  };
}

/** Splits a batch by groups into at most `updates` parts of nearly equal numbers of groups; none is empty. */
export function splitByGroups(batch: GroupBatch, updates: number): TrainRow[][] {
  const groups = batch.groupIds.length;
  const parts = Math.min(updates, groups);
  const partOf = (group: number) => Math.floor((group * parts) / groups);
  return Array.from({ length: parts }, (_, part) => batch.rows.filter((row) => partOf(row.group) === part));
}

function describeTrainedTokens(rows: readonly TrainRow[], policyVersion: number) {
  const found = { trainedTokens: 0, offPolicyTokens: 0, trainedTokenAges: 0, trainedTokenAgeMax: 0 };
  for (const { mask, versions } of rows) {
    for (let i = 0; i < mask.length; i++) {
      if (mask[i] !== 1) continue;
      const age = policyVersion - versions[i]!;
      found.trainedTokens++;
      if (age !== 0) found.offPolicyTokens++;
      found.trainedTokenAges += age;
      found.trainedTokenAgeMax = Math.max(found.trainedTokenAgeMax, age);
    }
  }
  return found;
}

function concatenate<Item, A extends Int32Array | Float32Array>(
  make: new (length: number) => A,
  items: readonly Item[],
  part: (item: Item) => A,
): A {
  const parts = items.map(part);
  const whole = new make(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of parts) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
