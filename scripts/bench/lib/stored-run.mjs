/** A run as the replay store is told of it, for benchmarks of the store and of who reads it: record, problems, groups, tasks, segments. It calls nobody. */
import { groupId, segmentId, trajectoryId } from '@segue/core';

export const promptTokens = Int32Array.of(1, 2, 3);

export function runRecord(runId) {
  return {
    ...{ id: runId, configJson: '{}', state: 'created', createdAtMs: 0, revision: 0, error: '', progressJson: '' },
    ...{ trainProblems: 0, evaluationProblems: 0, warmupProblems: 0 },
  };
}

export function trainProblem(id) {
  return {
    id,
    purpose: 'train',
    prompt: 'prompt',
    promptTokens,
    answer: '7',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response: null,
  };
}

/**
 * Groups `from` to `from + count` - 1, which begin in an iteration, and the tasks of their first segments.
 * @param {{ from?: number, count: number, size: number, iteration?: number, problemIdOf: (index: number) => string }} groups
 */
export function newGroups(runId, { from = 0, count, size, iteration = 0, problemIdOf }) {
  const groups = Array.from({ length: count }, (_, i) => {
    const index = from + i;
    return { id: groupId(runId, index), runId, index, problemId: problemIdOf(index), size, iteration };
  });
  const tasks = groups.flatMap(({ id, problemId }) =>
    Array.from({ length: size }, (_, member) => {
      return { trajectoryId: trajectoryId(id, member), groupId: id, problemId, segmentIndex: 0, lastSpan: false };
    }),
  );
  return { groups, tasks };
}

/** @param more prefixHash, tokens, logProbs, endReason, and what is not as in a run's beginning */
export function segmentOf(id, index, more) {
  return {
    id: segmentId(id, index),
    trajectoryId: id,
    index,
    attempt: 0,
    iteration: 0,
    policyVersion: 0,
    actorId: 'actor-0',
    origins: null,
    lossMask: null,
    error: null,
    meter: { promptTokens: promptTokens.length, reprefillTokens: 0, startedAtMs: 1000, endedAtMs: 2000 },
    ...more,
  };
}
