/**
 * A run as the replay store is told of it, for benchmarks of the store and of who reads it, and for the store's tests: record, problems, groups, tasks, segments. It
 * calls nobody.
 */
import { groupId, segmentId, trajectoryId } from '@segue/core';

export const promptTokens = Int32Array.of(1, 2, 3);

/** @returns {import('@segue/core').RunRecord} */
export function runRecord(runId, config = {}) {
  return {
    ...{ id: runId, configJson: JSON.stringify(config), state: 'created', createdAtMs: 0, revision: 0, error: '' },
    ...{ progressJson: '', trainProblems: 0, evaluationProblems: 0, warmupProblems: 0 },
  };
}

/**
 * @param {Partial<import('@segue/core').Problem>} [changes]
 * @returns {import('@segue/core').Problem}
 */
export function trainProblem(id, changes = {}) {
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
    ...changes,
  };
}

/**
 * Groups that begin in an iteration, and the tasks of their first segments.
 * @param {string} runId
 * @param {number} iteration
 * @param {readonly { index: number, size: number, problemId: string }[]} sized
 * @returns {{ groups: import('@segue/core').Group[], tasks: import('@segue/core').PlannedTask[] }}
 */
export function newGroups(runId, iteration, sized) {
  const groups = sized.map((group) => ({ ...group, id: groupId(runId, group.index), runId, iteration }));
  const tasks = groups.flatMap(({ id, problemId, size }) =>
    Array.from({ length: size }, (_, member) => {
      return { trajectoryId: trajectoryId(id, member), groupId: id, problemId, segmentIndex: 0, lastSpan: false };
    }),
  );
  return { groups, tasks };
}

/**
 * @param {string} id of the trajectory
 * @param {number} index
 * @param {Pick<import('@segue/core').Segment, 'prefixHash' | 'tokens' | 'logProbs' | 'endReason'> & Partial<import('@segue/core').Segment>} more
 *   what makes it, and what is not as in a run's beginning
 * @returns {import('@segue/core').Segment}
 */
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
