/** What a watcher makes of events: the view, the summary, the pictures, and a trajectory as text. */
import type { EvaluationEvent, IterationEvent, RunEventOf, Segment, Trajectory, TrajectoryRecord } from '@segue/core';
import t from 'tap';
import { statusText } from '../dist/commands/inspect.js';
import { drawLearningCurve } from '../dist/pictures/learning-curve.js';
import { drawTimeline, endReasonColors } from '../dist/pictures/rollout-timeline.js';
import { emptyRunView, foldEvent } from '../dist/view/run-view.js';
import { summarize } from '../dist/view/summary.js';
import { renderView } from '../dist/view/terminal.js';
import { renderTrajectory, trajectoryJson } from '../dist/view/trajectory-text.js';

const evaluation = (
  when: EvaluationEvent['when'],
  temperature: number,
  accuracy: number,
  iteration: number,
): EvaluationEvent => ({
  when,
  policyVersion: iteration,
  iteration,
  temperature,
  problems: 512,
  samples: 4,
  accuracy,
  failed: 0,
  responseTokensMean: 40,
  responseTokensP95: 120,
});

const iteration = (i: number): IterationEvent => ({
  iteration: i,
  policyVersionIn: i,
  policyVersionOut: i + 1,
  rewardMean: 0.4 + i / 10,
  finishedTrajectories: 100,
  spanningTrajectories: 20,
  responseTokensMean: 40 + i,
  responseTokensP95: 120 + i,
  plannedTasks: 128,
  resumedTasks: 10,
  committedTasks: 120,
  segmentsByEndReason: { stop: 100, budget: 20 },
  generatedTokens: 5000,
  reprefilledTokens: 700,
  promptTokens: 300,
  groupsTrained: 12,
  groupsFilteredEqual: 3,
  groupsFilteredUnusable: 0,
  carriedTrajectories: 20,
  rolloutMs: 1000,
  closeMs: 100,
  trainMs: 2000,
  activateMs: 50,
  wallMs: 3200,
  actorIdleShare: 0.1,
  engineTimes: { prefillMs: 0, decode: {} },
  train: {
    loss: 0.1,
    gradientNorm: 1,
    gradientNormMax: 1 + i,
    groups: 12,
    trajectories: 96,
    trainedTokens: 3000,
    trainedTokenShare: 1,
    offPolicyTokenShare: 0.2,
    logProbDiffMax: 1e-5 * (i + 1),
    logProbDiffMean: 1e-6,
    importanceClippedShare: 0,
    updates: 1,
    rewardMean: 0.5,
    responseTokensMean: 40,
    logRatioMean: 0,
    referenceMs: 300,
    trainMs: 1500,
    saveMs: 50,
  },
});

const events: RunEventOf[] = [
  { sequence: 1, atMs: 1000, kind: 'state', body: { state: 'running', error: null } },
  { sequence: 2, atMs: 2000, kind: 'phase', body: { phase: 'rollout', iteration: 0 } },
  { sequence: 3, atMs: 2500, kind: 'evaluation', body: evaluation('before', 1, 0.4, 0) },
  { sequence: 4, atMs: 2600, kind: 'evaluation', body: evaluation('before', 0, 0.3, 0) },
  { sequence: 5, atMs: 3000, kind: 'iteration', body: iteration(0) },
  { sequence: 6, atMs: 4000, kind: 'iteration', body: iteration(1) },
  { sequence: 7, atMs: 5000, kind: 'evaluation', body: evaluation('after', 1, 0.7, 2) },
  { sequence: 8, atMs: 5100, kind: 'evaluation', body: evaluation('after', 0, 0.8, 2) },
  { sequence: 9, atMs: 6000, kind: 'state', body: { state: 'finished', error: null } },
];
const view = events.reduce(foldEvent, emptyRunView);

t.test('a view is a fold: events seen twice change nothing', async (t) => {
  t.strictSame([...events, ...events].reduce(foldEvent, emptyRunView), view);
  t.equal(view.iterations.length, 2);
  t.equal(view.state, 'finished');
});

t.test('the summary takes its numbers from evaluations, iterations and the store', async (t) => {
  const statistics = {
    trajectoriesByState: {},
    segmentsByEndReason: { stop: 200, budget: 40 },
    appendsByOutcome: { committed: 240 },
    groupsOpen: 0,
    groupsComplete: 0,
    groupsConsumed: 24,
    groupsFiltered: 6,
    finished: 200,
    spanning: 40,
    generatedTokens: 10_000,
    reprefilledTokens: 1400,
    promptTokens: 600,
    bytesOnDisk: 1,
    deadLettersByKind: {},
    runsRetired: 0,
    heldFromIteration: null,
    heldToIteration: null,
  };
  const summary = summarize({ run: 'r', seed: 3, view, statistics, wallSeconds: 12.34 });
  t.match(summary, {
    type: 'summary',
    seed: 3,
    iterations: 2,
    accuracyBefore: 0.4,
    accuracyAfter: 0.7,
    greedyBefore: 0.3,
    greedyAfter: 0.8,
    trajectories: 200,
    spanning: 40,
    logprobDiffMax: 2e-5,
    gradientNormMax: 2,
    tokensGenerated: 10_000,
    tokensReprefilled: 1400,
    wallSeconds: 12.3,
  });
  const empty = summarize({ run: 'r', seed: 3, view: emptyRunView, statistics, wallSeconds: 1 });
  t.equal(empty.accuracyBefore, null, 'what was not measured is null, not zero');
  t.equal(empty.logprobDiffMax, null);
});

t.test('the live view shows phase, iterations, accuracy, and fits the terminal', async (t) => {
  const context = { run: 'demo-1', nowMs: 9000, startedAtMs: 0, iterationsPlanned: 4, columns: 90 };
  const text = renderView(view, context);
  for (const words of ['demo-1', '2/4 iterations', '0:09', '0.500', '20%', '5000', '0.400', '0.700'])
    t.match(text, words);
  const plain = text.split('\n').map((line) =>
    line
      .split('\u001b')
      .map((part, i) => (i === 0 ? part : part.replace(/^\[[0-9;]*m/, '')))
      .join(''),
  );
  t.ok(plain.every((line) => line.length <= 90));
});

const segment = (i: number, endReason: Segment['endReason'], tokens: number[]): Segment => ({
  id: `r-g0-t0-s${i}`,
  trajectoryId: 'r-g0-t0',
  index: i,
  attempt: 0,
  iteration: i,
  policyVersion: i,
  actorId: 'actor-0',
  prefixHash: '0'.repeat(16),
  tokens: Int32Array.from(tokens),
  logProbs: Float32Array.from(tokens, () => -0.5),
  origins: null,
  lossMask: null,
  endReason,
  error: null,
  meter: { promptTokens: 3, reprefillTokens: i * 2, startedAtMs: 0, endedAtMs: 10 },
});

t.test('pictures: every segment is a bar in the colour of its end reason', async (t) => {
  const record: TrajectoryRecord = {
    summary: {
      id: 'r-g0-t0',
      groupId: 'r-g0',
      problemId: 'p',
      state: 'scored',
      segmentCount: 2,
      responseTokens: 4,
      firstIteration: 0,
      lastIteration: 1,
      endReason: 'stop',
      errors: 0,
      reward: 1,
    },
    segments: [segment(0, 'budget', []), segment(1, 'stop', [])],
    tokenCounts: [64, 10],
  };
  const timeline = drawTimeline({ title: 'a <b> & c', trajectories: [record, record], tokenBudget: 64 });
  const bars = (reason: Segment['endReason']) => timeline.split(`fill="${endReasonColors[reason]}"`).length - 1;
  t.equal(bars('budget'), 3, 'two bars and the legend');
  t.equal(bars('stop'), 3);
  t.equal(bars('length'), 0);
  t.match(timeline, 'a &lt;b&gt; &amp; c');
  const curve = drawLearningCurve({ title: 'x', iterations: view.iterations, evaluations: view.evaluations });
  t.match(curve, 'held-out accuracy');
  t.notMatch(curve + timeline, /NaN|undefined|Infinity/);
  t.notMatch(drawLearningCurve({ title: 'x', iterations: [], evaluations: [] }), /NaN|undefined|Infinity/);
});

t.test('a trajectory reads segment by segment', async (t) => {
  const trajectory: Trajectory = {
    id: 'r-g0-t0',
    groupId: 'r-g0',
    problemId: 'p',
    promptTokens: Int32Array.of(7),
    state: 'scored',
    segments: [segment(0, 'budget', [1, 2]), segment(1, 'stop', [3])],
    score: {
      trajectoryId: 'r-g0-t0',
      scorer: 'exact',
      status: 'timeout',
      reward: null,
      detail: 'took too long',
      durationMs: 1,
    },
  };
  const decode = (tokens: Int32Array) => [...tokens].map((token) => String.fromCharCode(96 + token)).join('');
  const text = renderTrajectory(trajectory, decode);
  for (const words of ['"ab"', '"c"', 'version 1', 'budget', 'stop', 'no reward (masked)', 'took too long', '-1.000'])
    t.match(text, words);
  t.match(trajectoryJson(trajectory, decode), {
    prompt: 'g',
    segments: [{ tokens: [1, 2], text: 'ab' }, { text: 'c' }],
  });
});

t.test('the status tells who is waited for, what lies in the queues, and what went wrong', async (t) => {
  const status = {
    runId: 'r',
    iteration: 3,
    phase: 'rollout',
    phaseSinceMs: 1_000,
    waiting: [{ what: 'segments', from: 'actor-0: 2 (does not answer)', sinceMs: 4_000, count: 2 }],
    actors: [{ actorId: 'actor-0', address: 'h:1', running: 2, slots: 4, policyVersion: null, seenAtMs: 3_600_000 }],
    services: [],
    faults: { 'fenced-stale': 2, 'dead-letters-message': 1 },
    runsRetired: 4,
    queues: [
      { queue: 'rollout', pending: 1, leased: 2 },
      { queue: 'scores', pending: 0, leased: 0 },
    ],
  };
  t.strictSame(statusText(status, 9_000).split('\n'), [
    'run r  iteration 3  rollout since 8 s',
    // A clock that is ahead is no reason for negative times.
    'actor-0 at h:1: 2 of 4 slots, version -, seen 0 s ago',
    'waits for 2 segments from actor-0: 2 (does not answer) since 5 s',
    'queues  rollout: 1 waiting, 2 leased',
    'retired 4 runs: their records were removed (retention.finishedRuns)',
    'faults  fenced-stale 2, dead-letters-message 1',
  ]);
  const idle = {
    ...status,
    runId: '',
    phase: 'idle',
    phaseSinceMs: 0,
    waiting: [],
    actors: [],
    faults: {},
    runsRetired: 0,
    queues: [],
  };
  t.equal(statusText(idle, 9_000), 'run -  iteration 3  idle');
});
