/**
 * Compares what the store holds of a run with what it must hold: every row with its checksum, every trajectory with the chain of its segments,
 * every group with its members. It finds rows that are damaged and rows that are not there, and changes nothing: mend.ts does.
 */
import {
  hashTokens,
  groupId as makeGroupId,
  trajectoryId as makeTrajectoryId,
  SegueError,
  type StoreDamage,
} from '@segue/core';
import { find } from './find.js';
import { afterMending, cutBack, type GoodSegments, isHistory, rebuiltGroup, rebuiltTrajectory } from './mend-rules.js';
import type { GroupRow, IterationRow, SegmentRow, TrajectoryRow } from './rows.js';
import { runRules } from './run-rules.js';
import { requireProblem } from './runs.js';
import type { Key, Tables } from './tables.js';

/** A trajectory as it must be written, when it is not as it is there. */
interface MendedMember {
  readonly row: TrajectoryRow;
  /** Segments from this index on are given up. */
  readonly firstBad: number;
}

/** A group with what is wrong in it and how it is mended. */
export interface ExaminedGroup {
  readonly damages: readonly StoreDamage[];
  readonly records: number;
  /** The group's row to be written; null: as it is. */
  readonly group: GroupRow | null;
  readonly members: readonly MendedMember[];
}

const restore = 'a snapshot may still hold it (segue store restore)';

/** Looks at one group with all its members and their tokens. */
export function examineGroup(tables: Tables, runId: string, index: number): ExaminedGroup {
  const id = makeGroupId(runId, index);
  const damages: StoreDamage[] = [];
  const tell = (what: string, detail: string, mending: StoreDamage['mending']) =>
    damages.push({ runId, what, detail, mending });
  const found = find(tables.groups, [runId, index]);
  const rows = new Map<number, TrajectoryRow>();
  const faults = new Map<number, string>();
  const memberKeys = tables.trajectories.keys([runId, index]).map((key) => Number(key[2]));
  const size = found.row?.size ?? 1 + Math.max(-1, ...memberKeys);
  for (let member = 0; member < size; member++) {
    const { row, fault } = find(tables.trajectories, [runId, index, member]);
    if (row !== null) rows.set(member, row);
    else faults.set(member, fault);
  }
  const iterations = found.row === null || faults.size > 0 ? iterationsOf(tables, runId) : [];
  const remains = { runId, index, size, members: [...rows.values()], iterations };
  let group = found.row ?? rebuiltGroup(remains, runRules(find(tables.runs, [runId]).row?.configJson ?? ''));
  if (found.fault !== null) {
    const lost = group === null ? `, and what became of it cannot be told: ${restore}` : '';
    tell(`group ${id}`, `its row ${found.fault}${lost}`, group === null ? 'none' : 'rebuilt');
  }
  if (group === null) return { damages, records: 1, group: null, members: [] };

  const prompt = promptHash(tables, runId, group.problemId);
  if (prompt === null) {
    tell(`problem ${group.problemId}`, `it cannot be read, nor can group ${id} go on: ${restore}`, 'none');
    return { damages, records: 1 + size, group: null, members: [] };
  }
  const members: MendedMember[] = [];
  let records = 1 + size;
  for (let member = 0; member < size; member++) {
    const what = `trajectory ${makeTrajectoryId(id, member)}`;
    const row = rows.get(member);
    const expected = row?.segmentCount ?? tables.segments.keys([runId, index, member]).length;
    const good = goodSegments(tables, [runId, index, member], expected, prompt);
    records += 2 * expected;
    const isWhole = good.rows.length === expected && (row === undefined || row.prefixHash === good.prefixHash);
    if (row !== undefined && isWhole) continue;
    if (isHistory(group) && !isWhole) {
      const lost = `segment ${good.rows.length} ${good.fault}, and version ${group.consumedBy ?? '-'} came of its group`;
      tell(what, `${lost}: it is not run again, ${restore}`, 'none');
      continue;
    }
    if (row === undefined) {
      const planned = newestPlanOf(tables, runId, makeTrajectoryId(id, member), iterations);
      const mended = rebuiltTrajectory(group, member, good, planned);
      tell(what, `its row ${faults.get(member)}`, mended.state === 'finished' ? 'score-again' : 'rebuilt');
      members.push({ row: mended, firstBad: good.rows.length });
      rows.set(member, mended);
    } else {
      const mended = cutBack(row, good);
      tell(what, `segment ${good.rows.length} ${good.fault ?? 'does not end as recorded'}`, 'generate-again');
      members.push({ row: mended, firstBad: good.rows.length });
      rows.set(member, mended);
    }
  }
  const before = found.row;
  group = afterMending(group, [...rows.values()]);
  return { damages, records, group: group === before ? null : group, members };
}

interface ExaminedSegments extends GoodSegments {
  /** What is wrong with the first that is not good. */
  readonly fault: string | null;
}

/** The segments that can be read, from the first on, each continuing what is before it. */
function goodSegments(tables: Tables, trajectory: Key, expected: number, prompt: string): ExaminedSegments {
  const rows: SegmentRow[] = [];
  let prefixHash = prompt;
  for (let index = 0; index < expected; index++) {
    const segment = find(tables.segments, [...trajectory, index]);
    if (segment.fault !== null) return { rows, prefixHash, fault: segment.fault };
    const tokens = find(tables.tokens, [...trajectory, index]);
    if (tokens.fault !== null) return { rows, prefixHash, fault: tokens.fault };
    const isNext = segment.row.prefixHash === prefixHash && tokens.row.tokens.length === segment.row.tokenCount;
    if (!isNext) return { rows, prefixHash, fault: 'does not continue what is before it' };
    prefixHash = hashTokens(tokens.row.tokens, prefixHash);
    rows.push(segment.row);
  }
  return { rows, prefixHash, fault: null };
}

function promptHash(tables: Tables, runId: string, problemId: string): string | null {
  try {
    return hashTokens(requireProblem(tables, runId, problemId).promptTokens);
  } catch (error) {
    const { code } = SegueError.from(error);
    if (code === 'DATA_LOSS' || code === 'NOT_FOUND') return null;
    throw error;
  }
}

export function readableIterations(tables: Tables, runId: string): IterationRow[] {
  return tables.iterations.keys([runId]).flatMap((key) => find(tables.iterations, key).row ?? []);
}

/** All iterations of a run by their numbers; null where one cannot be read. */
function iterationsOf(tables: Tables, runId: string): (IterationRow | null)[] {
  return Array.from({ length: countIterations(tables, runId) }, (_, n) => find(tables.iterations, [runId, n]).row);
}

/** How many iterations a run has had, also where the record or the plan of the newest is lost. */
export function countIterations(tables: Tables, runId: string): number {
  return 1 + Math.max(...[tables.iterations, tables.plans].map((table) => Number(table.lastKey([runId])?.[1] ?? -1)));
}

/** The newest iteration, when its plan holds the trajectory: an older plan decides nothing any more. */
function newestPlanOf(tables: Tables, runId: string, id: string, iterations: readonly unknown[]): number | null {
  const newest = iterations.length - 1;
  if (newest < 0) return null;
  const { row: tasks } = find(tables.plans, [runId, newest]);
  return tasks?.some(({ trajectoryId }) => trajectoryId === id) ? newest : null;
}

/** Indexes of all groups of a run, also of those whose own row is gone. */
export function groupIndexes(tables: Tables, runId: string): number[] {
  const own = tables.groups.keys([runId]).map((key) => Number(key[1]));
  const ofMembers = tables.trajectories.keys([runId]).map((key) => Number(key[1]));
  return [...new Set([...own, ...ofMembers])].sort((a, b) => a - b);
}
