/** Spans of the issuing of tasks, each in the trace of its problem's submission; what actors do goes on from there. It knows nothing of what is issued. */
import { OpenSpan, type TraceParent, type TracesById } from '@segue/bus';
import { type RolloutTask, SegueError } from '@segue/core';

/** @param traces of problems, by id @param publish is given the traces of the tasks */
export async function issueTraced(
  tasks: readonly RolloutTask[],
  traces: ReadonlyMap<string, TraceParent>,
  publish: (traces: TracesById) => Promise<void>,
): Promise<void> {
  const spans = new Map<string, OpenSpan>();
  for (const { problemId, trajectoryId, iteration, segmentIndex } of traces.size === 0 ? [] : tasks) {
    const parent = traces.get(problemId);
    if (parent === undefined) continue;
    const attributes = {
      'segue.trajectory': trajectoryId,
      'segue.iteration': iteration,
      'segue.segment': segmentIndex,
    };
    spans.set(trajectoryId, new OpenSpan({ name: 'issue', parent, kind: 'producer', attributes }));
  }
  let failure: SegueError | null = null;
  try {
    await publish(new Map([...spans].flatMap(([id, { trace }]) => (trace === null ? [] : [[id, trace]]))));
  } catch (error) {
    failure = SegueError.from(error);
    throw failure;
  } finally {
    for (const span of spans.values()) span.end(failure);
  }
}
