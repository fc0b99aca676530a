/** The gRPC face of the store: every call of segue.v1.ReplayStore, as protos/segue/v1/replay.proto describes it. */
import type { Handlers } from '@segue/bus';
import { maxTimelineNames, type Problem, type ReplayApi, requireId, SegueError } from '@segue/core';
import type { ReplayStore } from './store.js';

/** Problems in one batch at most: a batch is one transaction. */
const maxBatchProblems = 1_000_000;
/** Trajectories in one call at most. */
const maxTrajectories = 1_000;

export function replayHandlers(store: ReplayStore): Handlers<ReplayApi> {
  const { keeper } = store;
  /** What is read item by item, as it is sent: a slow caller holds nothing in memory. */
  async function* stream<T>(items: () => Iterable<T>): AsyncGenerator<T> {
    try {
      yield* items();
    } catch (error) {
      throw await keeper.afterDamage(error);
    }
  }
  return {
    putRun: ({ run, expectedRevision }) => keeper.during(() => store.putRun(run, expectedRevision)),
    getRun: ({ runId }) => keeper.during(() => store.getRun(runId)),
    listRuns: () => keeper.during(() => ({ runs: store.listRuns() })),
    async putProblems(header, items) {
      const problems: Problem[] = [];
      for await (const problem of items) {
        if (problems.length >= maxBatchProblems) {
          throw new SegueError('INVALID_INPUT', `a batch holds at most ${maxBatchProblems} problems: send several`);
        }
        problems.push(problem);
      }
      return keeper.during(() => store.putProblems(header, problems));
    },
    listProblems: ({ runId, purpose }) => stream(() => store.listProblems(runId, purpose)),

    openIteration: (request) => keeper.during(() => store.openIteration(request)),
    appendSegment: ({ runId, segment }) => keeper.during(() => store.appendSegment(runId, segment)),
    recordScore: ({ runId, score }) => keeper.during(() => store.recordScore(runId, score)),
    closeIteration: (request) => keeper.during(() => store.closeIteration(request)),
    freezeBatch: (request) => keeper.during(() => store.freezeBatch(request)),
    commitIteration: (request) => keeper.during(() => store.commitIteration(request)),
    getIteration: ({ runId, iteration }) => keeper.during(() => store.getIteration(runId, iteration)),
    getIterationProgress: ({ runId, iteration }) => keeper.during(() => store.getIterationProgress(runId, iteration)),
    listIterations: ({ runId, fromIteration }) => stream(() => store.listIterations(runId, fromIteration)),

    getTrajectory: ({ trajectoryId }) =>
      keeper.during(() => store.getTrajectory(requireId(trajectoryId, 'trajectory_id'))),
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
    listTimeline({ runId, fromGroup, also }) {
      if (also.length > maxTimelineNames) {
        const problem = `${also.length} trajectories named in one call, at most ${maxTimelineNames}`;
        throw new SegueError('INVALID_INPUT', problem);
      }
      return stream(() => store.timeline(runId, fromGroup, also));
    },
    streamCompleteGroups: ({ runId, iteration }) => stream(() => store.completeGroups(runId, iteration)),
    sample: (request) => keeper.during(() => store.sample(request)),

    appendEvent: (request) => keeper.during(() => store.appendEvent(request)),
    listEvents: ({ runId, afterSequence }) => stream(() => store.listEvents(runId, afterSequence)),
    verify: ({ runId, repair }) => keeper.check(runId, repair),
    takeSnapshot: ({ holdVersions }, { signal }) => keeper.snapshot(holdVersions ? signal : null),
    getStatistics: ({ runId }) =>
      keeper.during(() => {
        const held = keeper.held.iterations(runId);
        return {
          ...store.statistics(runId),
          heldFromIteration: held?.from ?? null,
          heldToIteration: held?.to ?? null,
        };
      }),

    listDeadLetters: ({ runId }) => stream(() => store.deadLetters(runId)),
    getDeadLetter: ({ id }) => keeper.during(() => store.deadLetter(id)),
    requeueDeadLetter: ({ id }) => keeper.during(async () => ({ outcome: await store.requeueDeadLetter(id) })),
    dropDeadLetter: ({ id }) => keeper.during(() => store.dropDeadLetter(id)),
  };
}
