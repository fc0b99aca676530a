/**
 * How long nothing was committed inside a run: the gaps between one commit of the store and the next, read from its journals. Training and starting over
 * are in them; the warm-up of the next run is not.
 */
import { parseTrajectoryId } from '@segue/core';

/** @param {Awaited<ReturnType<import('./journal.mjs').readJournals>>} journals */
export function standstills(journals) {
  const commits = journals
    .flatMap(({ entries }) => entries.filter(({ kind }) => kind === 'committed'))
    .map(({ atMs, trajectoryId }) => ({ atMs, runId: parseTrajectoryId(trajectoryId).runId }))
    .sort((a, b) => a.atMs - b.atMs);
  const gaps = commits
    .slice(1)
    .flatMap(({ atMs, runId }, i) => (commits[i].runId === runId ? [atMs - commits[i].atMs] : []));
  return { longestStandstillMs: Math.max(0, ...gaps) };
}
