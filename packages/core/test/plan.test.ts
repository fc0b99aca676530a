/** The rules of planning, sampling and closing: each test is named after the rule. */
import {
  awaitsVerdicts,
  type Candidate,
  closingReason,
  curriculumPool,
  drawProblems,
  groupId,
  groupOf,
  isLastSpan,
  mean,
  type PlanState,
  parseRunConfig,
  parseTrajectoryId,
  percentile,
  planIteration,
  priorityOf,
  type TrajectorySummary,
  tokenLimits,
  trajectoryId,
  whyNobodyCan,
} from '@segue/core';
import t from 'tap';

const defaults = parseRunConfig({}, 'test');
const rules = {
  ...defaults.rollout,
  groupsPerIteration: 4,
  groupSize: 4,
  overSampling: 1.5,
  freshShare: 0.25,
  maxSpan: 3,
};

/** Unfinished members of one group that was planned in `firstIteration`. */
function waiting(
  group: number,
  members: readonly number[],
  extra: Partial<TrajectorySummary> = {},
): TrajectorySummary[] {
  return members.map((member) => ({
    id: trajectoryId(groupId('r', group), member),
    groupId: groupId('r', group),
    problemId: `p${group}`,
    state: 'unfinished',
    segmentCount: 1,
    responseTokens: 10,
    firstIteration: 0,
    lastIteration: 0,
    endReason: 'budget',
    errors: 0,
    reward: null,
    ...extra,
  }));
}

const problems = (count: number) => Array.from({ length: count }, (_, n) => `q${n}`);

function plan(state: Partial<PlanState>) {
  return planIteration({
    runId: 'r',
    iteration: 1,
    unfinished: [],
    readyGroups: 0,
    nextGroupIndex: 100,
    rules,
    draw: (count) => problems(1000).slice(0, count),
    ...state,
  });
}

const resumedOf = (p: ReturnType<typeof plan>) =>
  p.tasks.filter((task) => !p.newGroups.some((group) => group.id === task.groupId));

t.test('a plan holds overSampling x groupsPerIteration groups, siblings adjacent', async (t) => {
  const { newGroups, tasks } = plan({});
  t.equal(newGroups.length, 6);
  t.equal(tasks.length, 24);
  t.strictSame(
    newGroups.map((g) => [g.id, g.index, g.problemId, g.size, g.iteration]),
    newGroups.map((_, n) => [`r-g${100 + n}`, 100 + n, `q${n}`, 4, 1]),
  );
  t.strictSame(
    tasks.slice(0, 5).map((task) => [task.trajectoryId, task.segmentIndex, task.lastSpan]),
    [
      ['r-g100-t0', 0, false],
      ['r-g100-t1', 0, false],
      ['r-g100-t2', 0, false],
      ['r-g100-t3', 0, false],
      ['r-g101-t0', 0, false],
    ],
  );
});

t.test('resume before new work, oldest first', async (t) => {
  const unfinished = [
    ...waiting(12, [0], { firstIteration: 2 }),
    ...waiting(10, [3, 1], { firstIteration: 1 }),
    ...waiting(9, [2], { firstIteration: 1 }),
    ...waiting(9, [0], { firstIteration: 1, state: 'pending', segmentCount: 0, endReason: null }),
  ];
  const { tasks, newGroups } = plan({ unfinished, iteration: 3 });
  t.strictSame(
    tasks.slice(0, 5).map((task) => [task.trajectoryId, task.segmentIndex]),
    [
      ['r-g9-t0', 0],
      ['r-g9-t2', 1],
      ['r-g10-t1', 1],
      ['r-g10-t3', 1],
      ['r-g12-t0', 1],
    ],
    'by number, never begun ones in their place, siblings side by side',
  );
  t.equal(newGroups.length, 4, 'a resumed group counts by what it still owes: (24 - 5) / 4');
  t.ok(tasks.slice(5).every((task) => newGroups.some((group) => group.id === task.groupId)));
});

t.test('new problems always keep a reserved share of an iteration', async (t) => {
  const unfinished = Array.from({ length: 50 }, (_, n) => waiting(n, [0, 1])).flat();
  const { newGroups, tasks } = plan({ unfinished });
  t.equal(newGroups.length, 2, 'ceil(0.25 * 6)');
  t.equal(tasks.length, 24);
  t.strictSame(
    tasks.slice(0, 16).map((task) => parseTrajectoryId(task.trajectoryId).groupIndex),
    Array.from({ length: 16 }, (_, n) => Math.floor(n / 2)),
    'the rest goes to the oldest',
  );
  t.equal(plan({ unfinished, rules: { ...rules, freshShare: 0 } }).newGroups.length, 0, 'no share, no reserve');
  t.equal(plan({ unfinished, rules: { ...rules, freshShare: 1 } }).tasks.length, 24, 'all of it: nothing is resumed');
  t.equal(resumedOf(plan({ unfinished, rules: { ...rules, freshShare: 1 } })).length, 0);
});

t.test('a plan adds no trajectories past maxInFlightTrajectories', async (t) => {
  const unfinished = waiting(1, [0, 1]);
  t.equal(plan({ unfinished, rules: { ...rules, maxInFlightTrajectories: 13 } }).newGroups.length, 2);
  const full = plan({ unfinished, rules: { ...rules, maxInFlightTrajectories: 2 } });
  t.equal(full.newGroups.length, 0);
  t.equal(full.tasks.length, 2, 'what waits goes on');
  const many = Array.from({ length: 50 }, (_, n) => waiting(n, [0])).flat();
  t.equal(plan({ unfinished: many, rules: { ...rules, maxInFlightTrajectories: 50 } }).tasks.length, 24);
});

t.test('only the groups that are not ready yet are over-sampled', async (t) => {
  t.equal(plan({ readyGroups: 2 }).newGroups.length, 3, '1.5 x (4 - 2)');
  t.equal(plan({ readyGroups: 60 }).newGroups.length, 1, 'a plan is never empty while there are problems');
});

t.test('problems that the sampler cannot give leave their place to what waits', async (t) => {
  const unfinished = Array.from({ length: 50 }, (_, n) => waiting(n, [0, 1])).flat();
  const { newGroups, tasks } = plan({ unfinished, draw: () => ['only'] });
  t.equal(newGroups.length, 1);
  t.equal(tasks.length, 24);
  t.strictSame(plan({ draw: () => [] }), { newGroups: [], tasks: [] });
});

t.test('a trajectory spans at most maxSpan iterations: the last one is marked', async (t) => {
  const spans = (segmentCount: number, firstIteration: number, iteration: number) =>
    isLastSpan({ segmentCount, firstIteration }, iteration, rules);
  t.equal(spans(1, 0, 1), false, 'the second of three');
  t.equal(spans(2, 0, 2), true, 'the third of three');
  t.equal(spans(1, 0, 2), true, 'one that had to wait ages too');
  t.equal(spans(0, 0, 7), false, 'one that was never begun does not');
  t.equal(isLastSpan({ segmentCount: 0, firstIteration: 0 }, 0, { partial: true, maxSpan: 1 }), true);
  t.equal(isLastSpan({ segmentCount: 5, firstIteration: 0 }, 9, { partial: false, maxSpan: 3 }), false);
  const { tasks } = plan({ iteration: 2, unfinished: waiting(0, [0], { segmentCount: 2 }) });
  t.strictSame(
    tasks.slice(0, 2).map((task) => task.lastSpan),
    [true, false],
  );
  t.ok(plan({ rules: { ...rules, maxSpan: 1 } }).tasks.every((task) => task.lastSpan));
});

t.test('a plan is deterministic, and does not depend on the order of what waits', async (t) => {
  const unfinished = Array.from({ length: 9 }, (_, n) => waiting(n, [2, 0, 1], { firstIteration: n % 3 })).flat();
  t.strictSame(plan({ unfinished }), plan({ unfinished: unfinished.toReversed() }));
});

t.test(
  'the budget is per iteration, the cap is over all; without partial rollouts the budget is the cap',
  async (t) => {
    const limits = { partial: true, tokenBudget: 96, maxResponseTokens: 320 };
    t.strictSame(tokenLimits(limits), { budgetTokens: 96, capTokens: 320 });
    t.strictSame(tokenLimits({ ...limits, partial: false }), { budgetTokens: 320, capTokens: 320 });
  },
);

t.test('the rollout phase closes when enough groups are complete, or when all has ended and is judged', async (t) => {
  const base = {
    progress: { usefulGroups: 3, usefulGroupsInOrder: 0, awaitingScore: 2 },
    owedTasks: 5,
    endedForMs: 0,
    scoreWaitMs: 1000,
    rules: { groupsPerIteration: 4, partial: true, closeWhen: 'enough-groups' as const },
  };
  const enough = { usefulGroups: 4, usefulGroupsInOrder: 3, awaitingScore: 2 };
  t.equal(closingReason(base), null);
  t.equal(closingReason({ ...base, progress: enough }), 'enough-groups', 'whatever else still runs');
  t.equal(closingReason({ ...base, progress: enough, rules: { ...base.rules, closeWhen: 'all' } }), null);
  t.equal(closingReason({ ...base, progress: enough, rules: { ...base.rules, partial: false } }), null);
  const oldest = { ...base.rules, closeWhen: 'oldest-groups' as const };
  t.equal(closingReason({ ...base, progress: enough, rules: oldest }), null, 'a group ahead may still complete');
  t.equal(
    closingReason({ ...base, progress: { ...enough, usefulGroupsInOrder: 4 }, rules: oldest }),
    'enough-groups',
    'nothing ahead of them is owed',
  );
  t.equal(closingReason({ ...base, owedTasks: 0 }), null, 'verdicts are waited for');
  t.equal(
    closingReason({ ...base, owedTasks: 0, progress: { usefulGroups: 0, usefulGroupsInOrder: 0, awaitingScore: 0 } }),
    'all-ended',
  );
  t.equal(closingReason({ ...base, owedTasks: 0, endedForMs: 1000 }), 'scores-late', 'but not for ever');
  const ended = { ...base, owedTasks: 0, endedForMs: 1_999, scoreWaitMs: 20_000 };
  const none = { ...ended, progress: { ...base.progress, groupsAwaitingScore: 0 } };
  t.equal(closingReason(none), null, 'those that come in time count in this iteration');
  t.equal(closingReason({ ...none, endedForMs: 2_000 }), 'scores-late', 'none of them would complete a group');
  t.equal(closingReason({ ...none, endedForMs: 1_000, scoreWaitMs: 1_000 }), 'scores-late');
  const one = { ...ended, progress: { ...base.progress, groupsAwaitingScore: 1 } };
  t.equal(closingReason({ ...one, endedForMs: 19_999 }), null);
});

t.test(
  'a batch that would be empty waits for verdicts, and one of the last iteration while they keep coming',
  async (t) => {
    const base = {
      progress: { usefulGroups: 0, awaitingScore: 2 },
      wasEmpty: true,
      isLastIteration: false,
      silentForMs: 5000,
      scoreWaitMs: 1000,
      groupsPerIteration: 4,
    };
    const partial = { ...base, progress: { usefulGroups: 1, awaitingScore: 2 } };
    t.ok(awaitsVerdicts(base), 'however long scorers are away');
    t.notOk(awaitsVerdicts({ ...base, progress: { usefulGroups: 0, awaitingScore: 0 } }), 'none is to come');
    t.notOk(awaitsVerdicts({ ...base, progress: { usefulGroups: 4, awaitingScore: 2 } }), 'enough came');
    const siblingsGoOn = { ...base, progress: { usefulGroups: 0, awaitingScore: 2, groupsAwaitingScore: 0 } };
    t.notOk(awaitsVerdicts(siblingsGoOn), 'none of them completes a group');
    t.notOk(awaitsVerdicts({ ...siblingsGoOn, isLastIteration: true, silentForMs: 0 }), 'nor in the last one');
    t.ok(awaitsVerdicts({ ...base, progress: { ...siblingsGoOn.progress, groupsAwaitingScore: 1 } }), 'one does');
    t.ok(awaitsVerdicts({ ...partial, silentForMs: 999 }), 'they are coming: more of them');
    t.notOk(awaitsVerdicts(partial), 'what came is trained on');
    t.notOk(awaitsVerdicts({ ...partial, wasEmpty: false, silentForMs: 0 }), 'late ones count in the next iteration');
    t.ok(awaitsVerdicts({ ...base, isLastIteration: true }), 'the last one is not given up either');
    t.notOk(awaitsVerdicts({ ...partial, isLastIteration: true }), 'nobody is waited for for ever');
    t.ok(
      awaitsVerdicts({ ...partial, wasEmpty: false, isLastIteration: true, silentForMs: 999 }),
      'there is no next one',
    );
  },
);

const candidates = (count: number, make: (n: number) => Partial<Candidate> = () => ({})): Candidate[] =>
  problems(count).map((id, n) => ({ id, difficulty: null, attempts: 0, successes: 0, openGroups: 0, ...make(n) }));
const request = (sampler: 'uniform' | 'curriculum' | 'prioritized', pool: readonly Candidate[], count: number) => ({
  candidates: pool,
  count,
  iteration: 0,
  seed: 7,
  rules: { ...defaults.problems, sampler },
});

t.test('the uniform sampler draws every problem once before any again, by seed and iteration', async (t) => {
  const pool = candidates(10);
  const drawn = drawProblems(request('uniform', pool, 25));
  t.equal(drawn.length, 25);
  t.equal(new Set(drawn.slice(0, 10)).size, 10);
  t.equal(new Set(drawn.slice(10, 20)).size, 10);
  t.strictSame(drawn, drawProblems(request('uniform', pool, 25)));
  t.notSame(drawn, drawProblems({ ...request('uniform', pool, 25), iteration: 1 }));
  t.notSame(drawn, drawProblems({ ...request('uniform', pool, 25), seed: 8 }));
  t.strictSame(drawProblems(request('uniform', [], 3)), []);
});

t.test('the curriculum begins with easy problems and opens up; unknown difficulty is in the middle', async (t) => {
  const pool = candidates(20, (n) => ({ difficulty: n === 4 ? null : 19 - n }));
  const open = (iteration: number) =>
    curriculumPool({
      ...request('curriculum', pool, 2),
      iteration,
      rules: { ...defaults.problems, curriculumIterations: 10 },
    });
  t.strictSame(
    open(0).map((c) => c.id),
    ['q19', 'q18'],
  );
  t.equal(open(4).length, 10);
  t.equal(open(9).length, 20);
  t.equal(open(30).length, 20);
  t.equal(
    open(9).findIndex((c) => c.id === 'q4'),
    9,
    'beside the median of the known ones',
  );
  t.equal(curriculumPool(request('curriculum', pool, 7)).length, 7, 'never fewer than are drawn');
  const early = drawProblems({ ...request('curriculum', pool, 5), iteration: 2 });
  t.ok(early.every((id) => open(2).some((c) => c.id === id)));
});

t.test('the prioritised sampler weighs by 1 - success rate, with a floor', async (t) => {
  t.equal(priorityOf({ ...candidates(1)[0]!, attempts: 4, successes: 1 }, 0.05), 0.75);
  t.equal(priorityOf({ ...candidates(1)[0]!, attempts: 4, successes: 4 }, 0.05), 0.05);
  t.equal(priorityOf(candidates(1)[0]!, 0.05), 1, 'nothing known: as if never solved');
  const pool = candidates(200, (n) => ({ attempts: 10, successes: n < 100 ? 9 : 1 }));
  let hard = 0;
  for (let iteration = 0; iteration < 50; iteration++) {
    const drawn = drawProblems({ ...request('prioritized', pool, 10), iteration });
    t.equal(new Set(drawn).size, 10);
    hard += drawn.filter((id) => Number(id.slice(1)) >= 100).length;
  }
  t.ok(Math.abs(hard / 500 - 0.9) < 0.05, `nine in ten are hard: ${hard / 500}`);
});

t.test('the prioritised sampler leaves out problems that are in flight', async (t) => {
  const pool = candidates(10, (n) => ({ openGroups: n < 7 ? 1 : 0 }));
  t.strictSame(drawProblems(request('prioritized', pool, 8)).sort(), ['q7', 'q8', 'q9']);
  const busy = pool.map((c) => (c.id === 'q9' ? { ...c, openGroups: 1 } : c));
  t.strictSame(drawProblems(request('prioritized', busy, 8)).sort(), ['q7', 'q8']);
});

t.test('a problem that was given up is not drawn, one that was asked for comes first', (t) => {
  const pool = candidates(6, (n) => ({ givenUp: n === 1, requeued: n === 4 }));
  for (const sampler of ['uniform', 'curriculum', 'prioritized'] as const) {
    const drawn = drawProblems({
      candidates: pool,
      count: 5,
      iteration: 2,
      seed: 3,
      rules: { ...defaults.problems, sampler },
    });
    t.equal(drawn[0], 'q4');
    t.strictSame(new Set(drawn), new Set(['q0', 'q2', 'q3', 'q4', 'q5']));
  }
  t.end();
});

t.test('a problem that is drawn again gets a new group, so new trajectory ids', async (t) => {
  const first = plan({ iteration: 0, nextGroupIndex: 0, draw: () => ['q1'] });
  const second = plan({ iteration: 1, nextGroupIndex: 1, draw: () => ['q1'] });
  t.not(first.newGroups[0]?.id, second.newGroups[0]?.id);
  t.equal(groupOf(second.tasks[0]!.trajectoryId), second.newGroups[0]?.id);
});

t.test('mean and percentile by nearest rank', async (t) => {
  t.equal(mean([]), null);
  t.equal(mean(Uint32Array.of(1, 2, 6)), 3);
  t.equal(percentile([], 95), null);
  t.equal(
    percentile(
      Array.from({ length: 100 }, (_, n) => 100 - n),
      95,
    ),
    95,
  );
  t.equal(percentile([3], 50), 3);
  t.equal(percentile([9, 1, 5], 100), 9);
});

t.test('nobody can generate for a run only when every actor that takes tasks answers and refuses it', async (t) => {
  const refused = { runId: 'r', reason: 'temperature 0.8', isTried: false };
  const actor = (actorId: string, refusedRuns = [refused]) => ({ actorId, draining: false, refusedRuns });
  const [a, b] = [actor('a'), actor('b', [{ ...refused, isTried: true }])];
  t.equal(whyNobodyCan([a], 'r'), 'no engine can generate for run r (a: temperature 0.8)');
  t.match(whyNobodyCan([a, b], 'r'), /\(a: temperature 0.8; so 2 actors\)/, 'one that only tries has not done it yet');
  t.match(whyNobodyCan([a, { ...actor('c', []), draining: true }], 'r'), /\(a: /, 'one that leaves is none');
  t.equal(whyNobodyCan([a, null], 'r'), '', 'one that is silent may');
  t.equal(whyNobodyCan([a, actor('c', [])], 'r'), '', 'one may');
  t.equal(whyNobodyCan([a], 'q'), '', 'another run');
  t.equal(whyNobodyCan([], 'r'), '');
});
