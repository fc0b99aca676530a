/** The rollout phase of an iteration: tell the actors, issue the tasks, await the closing rule, close. It may begin in the middle, after a restart. */
import type { IterationRecord } from '@segue/core';
import type { ActiveRun } from './active-run.js';
import { readReports } from './actor-reports.js';
import { announceIteration, isAnnouncable } from './announce.js';
import { awaitClosing } from './await-closing.js';
import { closeIteration } from './close.js';
import { TaskIssuer } from './issue.js';

export async function rollOut(run: ActiveRun, record: IterationRecord): Promise<IterationRecord> {
  const { iteration } = record;
  await run.enter('rollout', iteration);
  // What is to be done then is for the store to say.
  if (!(await isAnnouncable(run, record))) return record;
  const issuer = new TaskIssuer(run, record);
  // Side by side: a task that comes before the signal waits for it, or goes back to the queue where another run's gate is up. Both are
  // seen to their end, so that a failure of one leaves no issuing behind that nobody watches.
  const begun = await Promise.allSettled([announceIteration(run, record, true), issuer.begin()]);
  for (const one of begun) if (one.status === 'rejected') throw one.reason;
  const closedBy = await awaitClosing(run, record, issuer);
  if (closedBy === 'superseded') return record;
  return endRollOut(run, record, closedBy);
}

/** Closes it without a word of its being open: actors may be at work for another run. */
export async function endRollOut(run: ActiveRun, record: IterationRecord, closedBy: string): Promise<IterationRecord> {
  const { iteration } = record;
  await run.enter('close', iteration);
  const closingAtMs = Date.now();
  const closed = await closeIteration(run, record);
  if (closed === null) return record;
  const rolloutMs = Math.max(0, closingAtMs - record.openedAtMs);
  const closeMs = Date.now() - closingAtMs;
  const { actorIdleShare, engineTimes } = await readReports(run, iteration, rolloutMs);
  await run.save({ rollout: { iteration, closedBy, rolloutMs, closeMs, actorIdleShare, engineTimes } });
  run.metrics.phase_seconds.observe({ phase: 'rollout' }, rolloutMs / 1000);
  run.metrics.phase_seconds.observe({ phase: 'close' }, closeMs / 1000);
  run.metrics.actor_idle_share.set(actorIdleShare);
  run.cluster.log.info({ iteration, closedBy, rolloutMs, closeMs, actorIdleShare }, 'rollout phase closed');
  return closed;
}
