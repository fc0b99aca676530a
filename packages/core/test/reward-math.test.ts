/** From verdicts to training rows: baselines, length reward, masks, importance weights, batches. And the policy manifest. */
import {
  addLogProbDifference,
  advantages,
  assembleBatch,
  type CompleteGroup,
  type EndReason,
  formatPolicyManifest,
  importanceWeights,
  lengthRewards,
  lengthRewardWeight,
  noLogProbDifference,
  type PolicyManifest,
  parsePolicyManifest,
  parseRunConfig,
  permuteRewards,
  type Score,
  type Segment,
  splitByGroups,
  type Trajectory,
  tauLogZ,
  tokenMask,
} from '@segue/core';
import t from 'tap';

/** A segment of `length` tokens; token ids count on from `index` * 100. */
function segment(index: number, version: number, length: number, more: Partial<Segment> = {}): Segment {
  return {
    id: `x-s${index}`,
    trajectoryId: 'x',
    index,
    attempt: 0,
    iteration: version,
    policyVersion: version,
    actorId: 'a',
    prefixHash: '',
    tokens: Int32Array.from({ length }, (_, i) => index * 100 + i),
    logProbs: new Float32Array(length).fill(-1 - version),
    origins: null,
    lossMask: null,
    endReason: 'budget',
    error: null,
    meter: { promptTokens: 0, reprefillTokens: 0, startedAtMs: 0, endedAtMs: 0 },
    ...more,
  };
}

function member(id: string, reward: number | null, lengths: readonly number[], end: EndReason = 'stop'): Trajectory {
  const status = reward === null ? 'timeout' : reward > 0 ? 'ok' : 'wrong';
  const score: Score = { trajectoryId: id, scorer: 's', status, reward, detail: '', durationMs: 0 };
  const last = lengths.length - 1;
  const segments = lengths.map((n, i) => segment(i, i, n, { endReason: i === last ? end : 'budget' }));
  const state = reward === null ? 'failed' : 'scored';
  return { id, groupId: 'g', problemId: 'p', promptTokens: Int32Array.of(1, 2), state, segments, score };
}

function group(index: number, trajectories: readonly Trajectory[]): CompleteGroup {
  const id = `r-g${index}`;
  return {
    group: { id, runId: 'r', index, problemId: `p${index}`, size: trajectories.length, iteration: 0 },
    trajectories,
  };
}

const close = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));

t.test('advantage: reward minus the group mean, or minus tau * log Z', async (t) => {
  t.strictSame(advantages([1, 0, 0, 1], 'mean', 0.1), [0.5, -0.5, -0.5, 0.5]);
  t.strictSame(advantages([], 'mean', 0.1), []);
  const expected = 0.5 * Math.log((Math.exp(2) + Math.exp(0) + Math.exp(1)) / 3);
  t.ok(close(tauLogZ([1, 0, 0.5], 0.5), expected));
  t.ok(close(tauLogZ([1000, 999], 1e-3), 1000 + 1e-3 * Math.log(0.5)), 'large r / tau does not overflow');
  t.ok(close(tauLogZ([-1000, -1001], 1e-3), -1000 + 1e-3 * Math.log(0.5)), 'nor underflow to log 0');
  t.ok(close(tauLogZ([0.7, 0.7], 0.2), 0.7), 'equal rewards are their own baseline');
  t.ok(close(tauLogZ([1, 0], 1e6), 0.5), 'a large tau gives the mean');
});

t.test('length reward is computed from the whole group’s final lengths', async (t) => {
  const of = (tokens: number | null, correct: boolean | null) => ({ tokens, correct });
  t.strictSame(lengthRewards([of(10, true), of(20, true), of(30, true)]), [0.5, 0, -0.5]);
  t.strictSame(lengthRewards([of(10, false), of(30, false)]), [0, -0.5], 'a wrong answer earns nothing by being short');
  t.strictSame(lengthRewards([of(20, true), of(20, false)]), [0, 0], 'all zero when max = min');
  t.strictSame(
    lengthRewards([of(10, true), of(20, true), of(30, null)]),
    [0.5, 0, 0],
    'an unjudged member still bounds',
  );
  t.strictSame(
    lengthRewards([of(10, true), of(20, true), of(null, null)]),
    [0.5, -0.5, 0],
    'one without an end does not',
  );
  t.strictSame(lengthRewards([of(null, null)]), [0]);
  const weights = [0, 1, 2, 3].map((i) => lengthRewardWeight({ weight: 0.3, warmupIterations: 2 }, i));
  t.strictSame(weights, [0, 0, 0.3, 0.3], 'zero during the warm-up');
});

t.test('which tokens enter the loss is a policy of the run', async (t) => {
  const segments = [segment(0, 3, 2), segment(1, 4, 2), segment(2, 5, 2)];
  const select = (tokens: 'all' | 'current' | 'window', windowVersions = 1, iteration = 5) =>
    [...tokenMask(segments, { tokens, windowVersions, iteration, policyVersion: 5 })].join('');
  t.equal(select('all'), '111111');
  t.equal(select('current'), '000011');
  t.equal(select('current', 1, 6), '000000', 'a group that waited an iteration has no current tokens');
  t.equal(select('window', 0), '000011');
  t.equal(select('window', 1), '001111');
  t.equal(select('window', 2), '111111');
  const foreign = segment(0, 5, 4, { origins: Uint8Array.of(0, 1, 2, 0), lossMask: Uint8Array.of(1, 1, 1, 0) });
  const mask = tokenMask([foreign], { tokens: 'all', windowVersions: 0, iteration: 5, policyVersion: 5 });
  t.equal([...mask].join(''), '1000', 'tokens of other origin and masked ones stay out');
});

t.test('importance weights are truncated and leave policy i’s own tokens alone', async (t) => {
  const tokens = {
    reference: Float32Array.of(-1, -1, -1, -1),
    behaviour: Float32Array.of(-1.5, -1 - Math.log(3), -5, -5),
    versions: Int32Array.of(4, 4, 5, 4),
    mask: Uint8Array.of(1, 1, 1, 0),
  };
  const { weights, clipped } = importanceWeights(tokens, 5, 2);
  t.ok(close(weights[0]!, Math.exp(0.5)));
  t.equal(weights[1], 2);
  t.equal(weights[2], 1, 'written by policy i');
  t.equal(weights[3], 1, 'masked');
  t.equal(clipped, 1);
});

t.test('log-prob difference covers trained tokens that policy i wrote, and no others', async (t) => {
  const tokens = {
    reference: Float32Array.of(-1, -1, -1, -1),
    behaviour: Float32Array.of(-1.25, -1.5, -9, -9),
    versions: Int32Array.of(5, 5, 4, 5),
    mask: Uint8Array.of(1, 1, 1, 0),
  };
  const once = addLogProbDifference(noLogProbDifference, tokens, 5);
  t.strictSame(once, { max: 0.5, sum: 0.75, count: 2 });
  t.strictSame(addLogProbDifference(once, tokens, 5), { max: 0.5, sum: 1.5, count: 4 });
  const broken = { ...tokens, reference: Float32Array.of(Number.NaN, -1, -1, -1) };
  t.equal(addLogProbDifference(noLogProbDifference, broken, 5).max, Number.POSITIVE_INFINITY, 'NaN is never small');
});

t.test('members that failed are left out, never scored zero', async (t) => {
  const config = parseRunConfig({}, 'test');
  const batch = assembleBatch(
    [
      group(0, [member('a', 1, [3]), member('b', null, [9]), member('c', 0, [2, 2])]),
      group(1, [member('d', 1, [3]), member('e', null, [3])]),
    ],
    config,
    1,
    1,
  );
  t.strictSame(
    batch.rows.map((row) => [row.trajectoryId, row.reward, row.advantage]),
    [
      ['a', 1, 0.5],
      ['c', 0, -0.5],
    ],
    'the baseline is that of the judged members',
  );
  t.equal(batch.failedMembers, 1);
  t.equal(batch.unusableGroups, 1, 'one judged member is below the minimum');
  t.strictSame(batch.groupIds, ['r-g0']);
  const last = batch.rows[1]!;
  t.strictSame([...last.responseTokens], [0, 1, 100, 101], 'segments join in order');
  t.strictSame([...last.versions], [0, 0, 1, 1]);
  t.strictSame([...last.behaviour], [-1, -1, -2, -2]);
  t.equal(batch.trainedTokens, 7);
  t.equal(batch.offPolicyTokens, 5, 'tokens of version 0 under version 1');
  t.strictSame([batch.trainedTokenAges, batch.trainedTokenAgeMax], [5, 1], 'each of them one version old');
  t.equal(batch.rewardMean, 0.5);
  t.equal(batch.responseTokensMean, 3.5);
});

t.test('repeat penalty and length reward are added with their weights', async (t) => {
  const config = parseRunConfig(
    {
      rollout: { repeat: { penalty: 0.25 } },
      train: { lengthReward: { weight: 0.5, warmupIterations: 1 } },
    },
    'test',
  );
  const members = [member('a', 1, [10]), member('b', 0, [30], 'repeat'), member('c', 1, [20])];
  const rewardsAt = (iteration: number) =>
    assembleBatch([group(0, members)], config, iteration, iteration).rows.map((row) => row.reward);
  t.strictSame(rewardsAt(0), [1, -0.25, 1], 'the length reward warms up, the penalty does not');
  t.strictSame(rewardsAt(1), [1.25, -0.5, 1]);
});

t.test('random-reward control hands the same rewards to other responses', async (t) => {
  const groups = [
    [1, 0, null, 0.5],
    [0.25, 2, 3, 4],
  ];
  const shuffled = permuteRewards(groups, 7, 3);
  t.equal(shuffled[0]?.[2], null, 'unusable members stay unusable');
  const sorted = (rewards: readonly (readonly (number | null)[])[]) =>
    rewards
      .flat()
      .filter((r) => r !== null)
      .sort();
  t.strictSame(sorted(shuffled), sorted(groups), 'a permutation');
  t.strictSame(permuteRewards(groups, 7, 3), shuffled, 'seeded');
  t.notSame(shuffled, groups);
  t.notSame(permuteRewards(groups, 7, 4), shuffled, 'another one in each iteration');
  const config = parseRunConfig({ control: 'random-reward', seed: 3 }, 'test');
  const many = Array.from({ length: 8 }, (_, i) => group(i, [member(`a${i}`, 1, [3]), member(`b${i}`, 0, [4])]));
  const batch = assembleBatch(many, config, 0, 0);
  t.ok(
    batch.rows.some((row) => row.reward !== (row.trajectoryId.startsWith('a') ? 1 : 0)),
    'assembled batches use it',
  );
  t.equal(batch.rewardMean, 0.5, 'the reported reward is the true one');
});

t.test('updates split a batch by groups and never through one', async (t) => {
  const config = parseRunConfig({}, 'test');
  const groups = Array.from({ length: 5 }, (_, i) => group(i, [member(`a${i}`, 1, [3]), member(`b${i}`, 0, [4])]));
  const batch = assembleBatch(groups, config, 0, 0);
  const parts = splitByGroups(batch, 2);
  t.strictSame(
    parts.map((rows) => rows.map((row) => row.group)),
    [
      [0, 0, 1, 1, 2, 2],
      [3, 3, 4, 4],
    ],
  );
  t.equal(splitByGroups(batch, 99).length, 5, 'no update without a group');
  t.strictSame(splitByGroups(assembleBatch([], config, 0, 0), 3), []);
});

t.test('a policy manifest that is damaged or names a path outside is refused', async (t) => {
  const manifest: PolicyManifest = {
    formatVersion: 1,
    runId: 'r',
    version: 2,
    parent: 1,
    origin: 'trained',
    inputHash: '0'.repeat(64),
    metrics: { loss: 1 },
    files: [{ name: 'config.json', bytes: 2, sha256: 'a'.repeat(64) }],
  };
  t.strictSame(parsePolicyManifest(formatPolicyManifest(manifest), 'x'), manifest);
  t.throws(() => parsePolicyManifest('{"formatVersion":1', 'x'), { code: 'DATA_LOSS' });
  const outside = { ...manifest, files: [{ name: '../config.json', bytes: 2, sha256: 'a'.repeat(64) }] };
  t.throws(() => parsePolicyManifest(JSON.stringify(outside), 'x'), { code: 'DATA_LOSS', message: /files\.0\.name/ });
});
