/**
 * What the store keeps beside its records so that it need not read them all: counters, tallies of problems, indexes. All of it follows
 * from the records, so it is made anew when a record was mended or it is damaged itself.
 */
import { isTerminal } from '@segue/core';
import { isSpanning } from './append.js';
import { groupIndexes } from './examine.js';
import { find } from './find.js';
import { unfinishedKey } from './iterations.js';
import { type Counters, moveCount, noCounts, type ProblemTally, untriedProblem } from './rows.js';
import type { Key, Table, Tables } from './tables.js';

/** Counts the run's records, writes what follows from them, and settles what was owed. Inside a transaction. */
export function recount(tables: Tables, runId: string): void {
  const known = find(tables.counters, [runId]).row;
  const kept = known ?? noCounts;
  const failedTries = kept.segmentsByEndReason.error ?? 0;
  // What happened and left no record is known from the counters alone.
  let counters: Counters = {
    ...kept,
    ...countProblems(tables, runId),
    events: Number(tables.events.lastKey([runId])?.[1] ?? 0),
    trajectoriesByState: {},
    groupsByState: {},
    segmentsByEndReason: failedTries === 0 ? {} : { error: failedTries },
    finished: 0,
    spanning: 0,
  };
  const tallies = keptTallies(tables, runId);
  const complete: Key[] = [];
  for (const index of groupIndexes(tables, runId)) {
    const group = find(tables.groups, [runId, index]).row;
    if (group === null) continue;
    counters = { ...counters, groupsByState: moveCount(counters.groupsByState, null, group.state) };
    if (group.state === 'complete') complete.push([runId, index]);
    const tally = tallies.get(group.problemId) ?? untriedProblem;
    tallies.set(group.problemId, {
      ...tally,
      openGroups: tally.openGroups + (group.state === 'open' ? 1 : 0),
      lastIteration: Math.max(tally.lastIteration ?? 0, group.iteration),
    });
  }
  const unfinished: Key[] = [];
  const awaiting: Key[] = [];
  for (const key of tables.trajectories.keys([runId])) {
    const trajectory = find(tables.trajectories, key).row;
    if (trajectory === null) continue;
    const { state, problemId, score, endReason } = trajectory;
    const isOver = endReason !== null && isTerminal(endReason) && state !== 'pending' && state !== 'unfinished';
    counters = {
      ...counters,
      trajectoriesByState: moveCount(counters.trajectoriesByState, null, state),
      finished: counters.finished + (isOver ? 1 : 0),
      spanning: counters.spanning + (isOver && isSpanning(trajectory) ? 1 : 0),
    };
    if (state === 'pending' || state === 'unfinished') unfinished.push(unfinishedKey(trajectory));
    if (state === 'finished') awaiting.push(key);
    if (state !== 'scored' || score === null) continue;
    const tally = tallies.get(problemId) ?? untriedProblem;
    const successes = tally.successes + (score.status === 'ok' ? 1 : 0);
    tallies.set(problemId, { ...tally, attempts: tally.attempts + 1, successes });
  }
  for (const key of tables.segments.keys([runId])) {
    const segment = find(tables.segments, key).row;
    if (segment === null) continue;
    counters = { ...counters, segmentsByEndReason: moveCount(counters.segmentsByEndReason, null, segment.endReason) };
    if (known !== null) continue;
    const { promptTokens, reprefillTokens } = segment.meter;
    counters = {
      ...counters,
      generatedTokens: counters.generatedTokens + segment.tokenCount,
      reprefilledTokens: counters.reprefilledTokens + reprefillTokens,
      promptTokens: counters.promptTokens + promptTokens,
    };
  }
  const committed = Object.values(counters.segmentsByEndReason).reduce((sum, count) => sum + count, 0);
  tables.counters.put([runId], { ...counters, appendsByOutcome: { ...kept.appendsByOutcome, committed } });
  for (const key of tables.problemTallies.keys([runId])) tables.problemTallies.remove(key);
  for (const [problemId, tally] of tallies) tables.problemTallies.put([runId, problemId], tally);
  replaceIndex(tables.unfinished, runId, unfinished);
  replaceIndex(tables.awaiting, runId, awaiting);
  replaceIndex(tables.complete, runId, complete);
  tables.recounts.remove([runId]);
}

/** What of the tallies follows from no record: that a problem was given up, or is to be drawn again. */
function keptTallies(tables: Tables, runId: string): Map<string, ProblemTally> {
  const kept = new Map<string, ProblemTally>();
  for (const key of tables.problemTallies.keys([runId])) {
    const { givenUp = false, requeued = false } = find(tables.problemTallies, key).row ?? untriedProblem;
    if (givenUp || requeued) kept.set(String(key[1]), { ...untriedProblem, givenUp, requeued });
  }
  return kept;
}

function countProblems(tables: Tables, runId: string) {
  const counts = { train: 0, evaluation: 0, warmup: 0 };
  for (const key of tables.problems.keys([runId])) {
    const problem = find(tables.problems, key).row;
    if (problem !== null) counts[problem.purpose]++;
  }
  return { trainProblems: counts.train, evaluationProblems: counts.evaluation, warmupProblems: counts.warmup };
}

function replaceIndex(table: Table<1>, runId: string, keys: readonly Key[]): void {
  for (const key of table.keys([runId])) table.remove(key);
  for (const key of keys) table.put(key, 1);
}

function isReadable(table: Table<1>, runId: string): boolean {
  return table.keys([runId]).every((key) => find(table, key).fault === null);
}

/** How many trajectories and groups wait, by the records themselves. */
function countWaiting(tables: Tables, runId: string): Pick<Counters, 'trajectoriesByState' | 'groupsByState'> {
  let { trajectoriesByState, groupsByState }: Counters = noCounts;
  for (const key of tables.trajectories.keys([runId])) {
    const { row } = find(tables.trajectories, key);
    if (row !== null) trajectoriesByState = moveCount(trajectoriesByState, null, row.state);
  }
  for (const key of tables.groups.keys([runId])) {
    const { row } = find(tables.groups, key);
    if (row !== null) groupsByState = moveCount(groupsByState, null, row.state);
  }
  return { trajectoriesByState, groupsByState };
}

/**
 * Whether the indexes hold what the records say: each trajectory and group that waits, once. Reads the row of each entry.
 * @param byRecords counts every record; otherwise what was counted as they were written is believed
 */
export function hasSoundIndexes(tables: Tables, runId: string, byRecords: boolean): boolean {
  const isWaiting = (key: Key, states: readonly string[]) =>
    states.includes(find(tables.trajectories, key).row?.state ?? '');
  const counted = byRecords ? countWaiting(tables, runId) : (find(tables.counters, [runId]).row ?? noCounts);
  const { pending = 0, unfinished = 0, finished = 0 } = counted.trajectoriesByState;
  const waiting = tables.unfinished.keys([runId]).map((key) => [...key.slice(0, 1), ...key.slice(2)]);
  const awaiting = tables.awaiting.keys([runId]);
  const complete = tables.complete.keys([runId]);
  const problems = new Set(tables.groups.keys([runId]).flatMap((key) => find(tables.groups, key).row?.problemId ?? []));
  return (
    [...problems].every((id) => tables.problemTallies.has([runId, id])) &&
    [tables.unfinished, tables.awaiting, tables.complete].every((table) => isReadable(table, runId)) &&
    waiting.length === pending + unfinished &&
    waiting.every((key) => isWaiting(key, ['pending', 'unfinished'])) &&
    awaiting.length === finished &&
    awaiting.every((key) => isWaiting(key, ['finished'])) &&
    complete.length === (counted.groupsByState.complete ?? 0) &&
    complete.every((key) => find(tables.groups, key).row?.state === 'complete')
  );
}
