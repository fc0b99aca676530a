/** The gRPC face of the store: every call of segue.v1.ReplayStore, as protos/segue/v1/replay.proto describes it. */
import type { Handlers } from '@segue/bus';
import { type Problem, type ReplayApi, requireId, SegueError } from '@segue/core';
import type { ReplayStore } from './store.js';

/** Problems in one batch at most: a batch is one transaction. */
const maxBatchProblems = 1_000_000;
/** Trajectories in one call at most. */
const maxTrajectories = 1_000;

export function replayHandlers(store: ReplayStore): Handlers<ReplayApi> {
  return {
    putRun: ({ run, expectedRevision }) => store.putRun(run, expectedRevision),
    getRun: async ({ runId }) => store.getRun(runId),
    listRuns: async () => ({ runs: store.listRuns() }),
    async putProblems(header, items) {
      const problems: Problem[] = [];
      for await (const problem of items) {
        if (problems.length >= maxBatchProblems) {
          throw new SegueError('INVALID_INPUT', `a batch holds at most ${maxBatchProblems} problems: send several`);
        }
        problems.push(problem);
      }
      return store.putProblems(header, problems);
    },
    listProblems: ({ runId, purpose }) => stream(() => store.listProblems(runId, purpose)),

    openIteration: (request) => store.openIteration(request),
    appendSegment: ({ runId, segment }) => store.appendSegment(runId, segment),
    recordScore: ({ runId, score }) => store.recordScore(runId, score),
    closeIteration: (request) => store.closeIteration(request),
    freezeBatch: (request) => store.freezeBatch(request),
    commitIteration: (request) => store.commitIteration(request),
    getIteration: async ({ runId, iteration }) => store.getIteration(runId, iteration),
    getIterationProgress: async ({ runId, iteration }) => store.getIterationProgress(runId, iteration),
    listIterations: ({ runId, fromIteration }) => stream(() => store.listIterations(runId, fromIteration)),

    getTrajectory: async ({ trajectoryId }) => store.getTrajectory(requireId(trajectoryId, 'trajectory_id')),
    getTrajectories({ trajectoryIds }) {
      if (trajectoryIds.length > maxTrajectories) {
        throw new SegueError(
          'INVALID_INPUT',
          `${trajectoryIds.length} trajectories in one call, at most ${maxTrajectories}`,
        );
      }
      const ids = trajectoryIds.map((id) => requireId(id, 'trajectory_ids'));
      return stream(() => store.getTrajectories(ids));
    },
    listUnfinished: ({ runId }) => stream(() => store.listUnfinished(runId)),
    listTrajectories: ({ runId }) => stream(() => store.listTrajectories(runId)),
    streamCompleteGroups: ({ runId, iteration }) => stream(() => store.completeGroups(runId, iteration)),
    sample: async (request) => store.sample(request),

    appendEvent: (request) => store.appendEvent(request),
    listEvents: ({ runId, afterSequence }) => stream(() => store.listEvents(runId, afterSequence)),
    getStatistics: async ({ runId }) => store.statistics(runId),
  };
}

/** What is read item by item, as it is sent: a slow caller holds nothing in memory. */
async function* stream<T>(items: () => Iterable<T>): AsyncGenerator<T> {
  yield* items();
}
