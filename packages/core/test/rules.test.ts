/** Domain rules between segments and the loss, and of plans too small to be shared out. */
import {
  type CompleteGroup,
  type EndReason,
  groupId,
  parseRunConfig,
  planIteration,
  type Segment,
  shapedRewards,
  type Trajectory,
  tokenMask,
  tokenUniform,
  trajectoryId,
} from '@segue/core';
import t from 'tap';

function segment(index: number, length: number, endReason: EndReason): Segment {
  return {
    id: `x-s${index}`,
    trajectoryId: 'x',
    index,
    attempt: 0,
    iteration: index,
    policyVersion: index,
    actorId: 'a',
    prefixHash: '',
    tokens: new Int32Array(length),
    logProbs: new Float32Array(length),
    origins: null,
    lossMask: null,
    endReason,
    error: null,
    meter: { promptTokens: 0, reprefillTokens: 0, startedAtMs: 0, endedAtMs: 0 },
  };
}

/** A member by the lengths of its segments; no reward: its scorer failed. */
function member(reward: number | null, lengths: readonly number[]): Trajectory {
  const last = lengths.length - 1;
  const common = { trajectoryId: 'x', scorer: 's', detail: '', durationMs: 0, reward };
  return {
    id: 'x',
    groupId: 'g',
    problemId: 'p',
    promptTokens: Int32Array.of(1, 2, 3),
    state: reward === null ? 'failed' : 'scored',
    segments: lengths.map((length, i) => segment(i, length, i === last ? 'stop' : 'budget')),
    score: { ...common, status: reward === null ? 'error' : reward > 0 ? 'ok' : 'wrong' },
  };
}

t.test('the length reward is computed from the whole group’s final lengths, over all segments', async (t) => {
  const config = parseRunConfig({ train: { lengthReward: { weight: 1, warmupIterations: 0 } } }, 'test');
  const shaped = (members: CompleteGroup['trajectories']) => shapedRewards(members, config, 0);
  // The longest one ends with the shortest segment.
  t.strictSame(shaped([member(1, [10]), member(1, [14, 14, 2]), member(1, [20])]), [1.5, 0.5, 1]);
  t.strictSame(
    shaped([member(1, [10]), member(null, [14, 16]), member(1, [20])]),
    [1.5, null, 1],
    'a member that a scorer failed on bounds it, and is left out',
  );
});

t.test('an error segment is never trained on', async (t) => {
  const segments = [segment(0, 2, 'budget'), segment(1, 2, 'error')];
  for (const tokens of ['all', 'current', 'window'] as const) {
    const mask = tokenMask(segments, { tokens, windowVersions: 5, iteration: 1, policyVersion: 1 });
    t.equal([...mask].join(''), tokens === 'current' ? '0000' : '1100', tokens);
  }
});

t.test('seeds: a problem drawn again gets new random numbers, a segment generated again the same', async (t) => {
  const { rollout } = parseRunConfig({}, 'test');
  const idOf = (nextGroupIndex: number) =>
    planIteration({
      runId: 'r',
      iteration: 0,
      unfinished: [],
      readyGroups: 0,
      nextGroupIndex,
      rules: { ...rollout, groupsPerIteration: 1 },
      draw: () => ['p0'],
    }).tasks[0]!.trajectoryId;
  const numbers = (id: string) => Array.from({ length: 20 }, (_, position) => tokenUniform(3, id, position));
  t.notOk(numbers(idOf(0)).some((number) => numbers(idOf(1)).includes(number)));
  t.strictSame(numbers(idOf(1)), numbers(idOf(1)));
});

t.test('resume before new work: a plan of one group holds both what waits and a fresh problem', async (t) => {
  const { rollout } = parseRunConfig({ rollout: { freshShare: 0.25 } }, 'test');
  const waiting = Array.from({ length: 3 }, (_, n) => ({
    id: trajectoryId(groupId('r', n), 0),
    groupId: groupId('r', n),
    problemId: 'p',
    state: 'unfinished' as const,
    segmentCount: 1,
    responseTokens: 4,
    firstIteration: 0,
    lastIteration: 0,
    endReason: 'budget' as const,
    errors: 0,
    reward: null,
  }));
  const { tasks, newGroups } = planIteration({
    runId: 'r',
    iteration: 1,
    unfinished: waiting,
    readyGroups: 0,
    nextGroupIndex: 9,
    rules: { ...rollout, groupsPerIteration: 1, overSampling: 1, groupSize: 4 },
    draw: (count) => Array.from({ length: count }, (_, n) => `q${n}`),
  });
  t.strictSame(
    tasks.slice(0, 3).map((task) => task.trajectoryId),
    waiting.map(({ id }) => id),
    'nothing that waits is left behind for ever',
  );
  t.equal(newGroups.length, 1);
});
