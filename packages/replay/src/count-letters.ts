/** How many dead letters the store keeps. It knows nothing of what is in them. */
import { type DeadLetterKind, deadLetterKinds } from '@segue/core';
import type { Tables } from './tables.js';

/** How many there are, by kind; their ids begin with it. */
export function countLetters(tables: Tables): Record<DeadLetterKind, number> {
  const counts = { trajectory: 0, score: 0, message: 0 };
  for (const [id] of tables.deadLetters.keys([])) {
    const kind = deadLetterKinds.find((name) => String(id).startsWith(`${name}-`));
    if (kind !== undefined) counts[kind]++;
  }
  return counts;
}
