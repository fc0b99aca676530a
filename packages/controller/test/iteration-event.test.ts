/** The event that an iteration ends with: what the store counted, and what was measured on the way. */
import type { IterationRecord } from '@segue/core';
import t from 'tap';
import { iterationEvent } from '../dist/iteration-event.js';

t.test("an iteration event holds the store's counts and the measured times", async (t) => {
  const record: IterationRecord = {
    runId: 'r',
    iteration: 4,
    state: 'frozen',
    policyVersion: 3,
    policyVersionOut: 3,
    tasks: [0, 1, 2].map((segmentIndex) => ({
      trajectoryId: `r-g0-t${segmentIndex}`,
      groupId: 'r-g0',
      problemId: 'p',
      segmentIndex,
      lastSpan: false,
    })),
    progress: {
      committedTasks: 3,
      openTrajectoryIds: [],
      completeGroups: 0,
      usefulGroups: 0,
      usefulGroupsInOrder: 0,
      awaitingScore: 5,
      generatedTokens: 70,
      reprefilledTokens: 20,
      promptTokens: 10,
      segmentsByEndReason: { stop: 2, yield: 1 },
      segmentsByActor: {},
      finishedTrajectories: 2,
      spanningTrajectories: 1,
      rewardSum: 1.5,
      judged: 2,
      responseTokens: Uint32Array.of(10, 30),
    },
    batchGroupIds: ['r-g0'],
    filteredEqual: 2,
    filteredUnusable: 1,
    metricsJson: '',
    openedAtMs: 1000,
    closedAtMs: 3500,
    committedAtMs: 0,
  };
  const times = { trainMs: 9, activateMs: 8, wallMs: 7 };
  const training = { policyVersionOut: 4, train: null, turns: null, carriedTrajectories: 6, ...times };
  const engineTimes = {
    prefillMs: 3,
    decode: { 8: { chunks: 1, steps: 20, rowSteps: 160, loopMs: 18, decodeMs: 19 } },
  };
  const rollout = {
    iteration: 4,
    closedBy: 'all-ended',
    rolloutMs: 2000,
    closeMs: 400,
    actorIdleShare: 0.25,
    engineTimes,
  };
  t.strictSame(iterationEvent(record, rollout, training), {
    iteration: 4,
    policyVersionIn: 3,
    rewardMean: 0.75,
    finishedTrajectories: 2,
    spanningTrajectories: 1,
    responseTokensMean: 20,
    responseTokensP95: 30,
    plannedTasks: 3,
    resumedTasks: 2,
    committedTasks: 3,
    segmentsByEndReason: { stop: 2, yield: 1 },
    generatedTokens: 70,
    reprefilledTokens: 20,
    promptTokens: 10,
    groupsTrained: 1,
    groupsFilteredEqual: 2,
    groupsFilteredUnusable: 1,
    closedBy: 'all-ended',
    awaitingScore: 5,
    rolloutMs: 2000,
    closeMs: 400,
    actorIdleShare: 0.25,
    engineTimes,
    ...training,
  });
  t.match(iterationEvent(record, { ...rollout, iteration: 3 }, training), {
    closedBy: '',
    rolloutMs: 2500,
    closeMs: 0,
    actorIdleShare: 0,
    engineTimes: { prefillMs: 0, decode: {} },
  });
});
