/**
 * Ids, made from the parent's: group `<run>-g<n>`, trajectory `<group>-t<k>`, segment `<trajectory>-s<i>`.
 * They are made of [a-z0-9-] alone, so that each is also a safe file name and a safe NATS subject token.
 */
import { SegueError } from './error.js';

const idPattern = /^[a-z0-9][a-z0-9-]{0,127}$/;

export function isId(text: string): boolean {
  return idPattern.test(text);
}

/** Returns `text` when it is an id, else refuses it by the name of its field. */
export function requireId(text: string, field: string): string {
  if (!isId(text)) {
    throw new SegueError(
      'INVALID_INPUT',
      `${field} must be 1 to 128 of [a-z0-9-] and begin with a letter or digit, got ${JSON.stringify(text.slice(0, 140))}`,
    );
  }
  return text;
}

export function groupId(runId: string, index: number): string {
  return `${runId}-g${index}`;
}

export function trajectoryId(group: string, member: number): string {
  return `${group}-t${member}`;
}

export function segmentId(trajectory: string, index: number): string {
  return `${trajectory}-s${index}`;
}

export interface TrajectoryIdParts {
  readonly runId: string;
  readonly groupIndex: number;
  readonly member: number;
}

/** What was taken apart last: a store does it several times in a row for each record that it takes in. */
let last: { readonly id: string; readonly parts: TrajectoryIdParts } | null = null;

/** Takes a trajectory id apart; refuses what was not made by `trajectoryId`. */
export function parseTrajectoryId(id: string): TrajectoryIdParts {
  if (id === last?.id) return last.parts;
  const match = /^(.+)-g(\d+)-t(\d+)$/.exec(id);
  if (!match) throw new SegueError('INVALID_INPUT', `${JSON.stringify(id.slice(0, 140))} is not a trajectory id`);
  const parts = { runId: match[1]!, groupIndex: Number(match[2]), member: Number(match[3]) };
  last = { id, parts };
  return parts;
}

/** The group that a trajectory belongs to. */
export function groupOf(trajectory: string): string {
  const { runId, groupIndex } = parseTrajectoryId(trajectory);
  return groupId(runId, groupIndex);
}
