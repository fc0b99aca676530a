/**
 * Counts anew what the tables hold of a run, for the memory to begin with. Rows that cannot be read are told and left out: history that is
 * damaged keeps nothing from going on. It mends nothing: keeper.ts does.
 */
import { find } from './find.js';
import { newestIteration } from './iterations.js';
import { IterationTally, RunProgress } from './progress.js';
import { runRules } from './run-rules.js';
import { requireRun } from './runs.js';
import { type Key, type Table, type Tables, trajectoryKey } from './tables.js';

/** Told of each row that cannot be read: what it belongs to, and what is wrong. */
export type TellUnreadable = (what: string, fault: string) => void;

/** @throws SegueError NOT_FOUND without the run; DATA_LOSS when the run itself or its newest iteration cannot be read */
export function restoreProgress(tables: Tables, runId: string, tell: TellUnreadable): RunProgress {
  const read = <Row>(table: Table<Row>, key: Key, what: string): Row | null => {
    const { row, fault } = find(table, key);
    if (fault !== null) tell(what, fault);
    return row;
  };
  const progress = new RunProgress(runRules(requireRun(tables, runId).configJson));
  for (const key of tables.complete.keys([runId])) {
    const group = read(tables.groups, key, `group ${runId}-g${key[1]}`);
    if (group !== null) progress.setGroup(group);
  }
  for (const key of tables.awaiting.keys([runId])) {
    const trajectory = read(tables.trajectories, key, `trajectory ${runId}-g${key[1]}-t${key[2]}`);
    if (trajectory !== null) progress.setAwaiting(trajectory);
  }
  for (const [, , group, member] of tables.unfinished.keys([runId])) {
    progress.addUnfinished(`${runId}-g${group}-t${member}`);
  }
  const newest = newestIteration(tables, runId);
  // What a committed iteration has come to is in its own row.
  if (newest === null || newest.progress !== null) return progress;
  const tasks = read(tables.plans, [runId, newest.iteration], `plan of iteration ${newest.iteration}`) ?? [];
  progress.tally = new IterationTally(newest.iteration, tasks);
  for (const { trajectoryId } of tasks) {
    const what = `trajectory ${trajectoryId}`;
    const trajectory = read(tables.trajectories, trajectoryKey(trajectoryId), what);
    if (trajectory === null) continue;
    const last = trajectory.segmentCount - 1;
    const segment = last < 0 ? null : read(tables.segments, trajectoryKey(trajectoryId, last), what);
    progress.tally?.restore(trajectory, segment ?? undefined);
  }
  return progress;
}
