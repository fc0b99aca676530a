/**
 * Dead letters as rows: what was given up, with the reason, written in the transaction that gives it up. The bus's own are kept as they came, the
 * newest of them alone, their bodies apart so that a list needs none. What becomes of a requeued one is in requeue.ts.
 */
import { createHash } from 'node:crypto';
import {
  type DeadLetterKind,
  type DeadLetterRecord,
  deadLetterKinds,
  type Score,
  type Segment,
  SegueError,
} from '@segue/core';
import { find } from './find.js';
import type { WriteContext } from './iterations.js';
import type { TrajectoryRow } from './rows.js';
import { DamagedRow, type Key, type Tables } from './tables.js';

/** Messages kept at most; the oldest make room. */
const keptMessages = 10_000;
/** Of a message's body, what is kept. */
export const keptBodyBytes = 65_536;
const messagePrefix = 'message-';
const noBody = new Uint8Array(0);
const noMessage = { body: noBody, bodyBytes: 0, checksum: '' };

type Letter = Pick<DeadLetterRecord, 'id' | 'kind' | 'subject' | 'reason' | 'tries'>;

/** @param last the error that was one too many */
export function givenUpTrajectory({ id, failedTries }: TrajectoryRow, last: Segment): Letter {
  const told = failedTries.filter(({ index }) => index === last.index).length;
  // An error that stands for lost tries is no try of its own.
  const tries = told + Math.max(0, (last.lostTries ?? 0) - 1);
  return { id: `trajectory-${id}`, kind: 'trajectory', subject: id, reason: last.error ?? '', tries };
}

export function givenUpScore({ id, scoreTries }: TrajectoryRow, { status, scorer, detail }: Score): Letter {
  const reason = `scorer ${scorer}: ${status}: ${detail}`;
  return { id: `score-${id}`, kind: 'score', subject: id, reason, tries: scoreTries };
}

export function writeLetter({ tables, nowMs }: WriteContext, runId: string, letter: Letter): void {
  tables.deadLetters.put([letter.id], { ...letter, ...noMessage, runId, atMs: nowMs });
}

/** A message that nobody could use, as the bus kept it. */
export interface DeadMessage {
  readonly subject: string;
  readonly reason: string;
  readonly atMs: number;
  readonly body: Uint8Array;
  readonly bodyBytes: number;
  readonly checksum: string;
}

/** Takes messages in; one that comes again is there once. */
export function keepMessages({ tables }: WriteContext, messages: readonly DeadMessage[]): void {
  for (const message of messages) {
    const { subject, reason, atMs, bodyBytes, checksum } = message;
    const hash = createHash('sha256')
      .update(JSON.stringify([subject, reason, atMs]))
      .update(message.body);
    const id = `${messagePrefix}${String(atMs).padStart(13, '0')}-${hash.digest('hex').slice(0, 12)}`;
    const body = message.body.slice(0, keptBodyBytes);
    const runId = runOf(tables, subject);
    tables.deadLetters.put([id], {
      id,
      kind: 'message',
      runId,
      subject,
      reason,
      tries: 0,
      atMs,
      body: noBody,
      bodyBytes,
      checksum,
    });
    tables.letterBodies.put([id], { body });
  }
  const ids = tables.deadLetters.keys([]).filter(([id]) => String(id).startsWith(messagePrefix));
  // Their ids begin with the time.
  for (const key of ids.slice(0, Math.max(0, ids.length - keptMessages))) removeLetter(tables, key);
}

export function removeLetter(tables: Tables, key: Key): void {
  tables.deadLetters.remove(key);
  tables.letterBodies.remove(key);
}

/** Removes a run's letters. One that cannot be read goes with its run where its id names the run; a message is left to whoever looks for damage. */
export function removeLettersOf(tables: Tables, runId: string): void {
  for (const key of tables.deadLetters.keys([])) {
    const [kind, subject] = partsOf(String(key[0]));
    const isNamed = kind !== 'message' && isTrajectoryOf(runId, subject);
    if (isNamed || find(tables.deadLetters, key).row?.runId === runId) removeLetter(tables, key);
  }
}

/** Whether an id names a trajectory of the run: damage may have made it name none at all. */
function isTrajectoryOf(runId: string, id: string): boolean {
  return id.startsWith(`${runId}-g`) && /^\d+-t\d+$/.test(id.slice(runId.length + 2));
}

/** Subjects are `<stream's prefix>.<run>.<trajectory>`; whoever forged one names no run of ours. */
function runOf(tables: Tables, subject: string): string {
  const runId = subject.split('.')[2] ?? '';
  return runId !== '' && tables.runs.has([runId]) ? runId : '';
}

/** With its body. @throws SegueError NOT_FOUND, DATA_LOSS */
export function requireLetter(tables: Tables, id: string): DeadLetterRecord {
  const letter = tables.deadLetters.get([id]);
  if (letter === undefined) throw new SegueError('NOT_FOUND', `there is no dead letter ${JSON.stringify(id)}`);
  const kept = tables.letterBodies.get([id]);
  if (kept !== undefined) return { ...letter, body: kept.body };
  // One of an earlier version has its body in itself.
  if (letter.body.length > 0 || letter.bodyBytes === 0) return letter;
  const lost = new DamagedRow('deadLetters', [id]);
  throw new SegueError('DATA_LOSS', `the body of dead letter ${id} is missing`, lost);
}

/** Oldest first, without bodies. @param runId empty: all */
export function listLetters(tables: Tables, runId: string): DeadLetterRecord[] {
  const letters: DeadLetterRecord[] = [];
  for (const letter of tables.deadLetters.rows([])) {
    if (runId === '' || letter.runId === runId) letters.push({ ...letter, body: noBody });
  }
  return letters.sort((a, b) => a.atMs - b.atMs);
}

/** Removes a letter, also one that cannot be read. */
export function dropLetter({ tables }: WriteContext, id: string): DeadLetterRecord {
  if (!tables.deadLetters.has([id])) return requireLetter(tables, id);
  const { row, fault } = find(tables.deadLetters, [id]);
  const kept = find(tables.letterBodies, [id]).row;
  removeLetter(tables, [id]);
  return row === null ? unreadable(id, fault) : { ...row, ...kept };
}

/** What is known of a letter by its id. */
function unreadable(id: string, reason: string): DeadLetterRecord {
  const [kind, subject] = partsOf(id);
  return { id, kind, runId: '', subject, reason, tries: 0, atMs: 0, ...noMessage };
}

/** Ids are `<kind>-<what the letter is about>`. */
function partsOf(id: string): [kind: DeadLetterKind, subject: string] {
  const kind = deadLetterKinds.find((name) => id.startsWith(`${name}-`)) ?? 'message';
  return [kind, id.slice(kind.length + 1)];
}
