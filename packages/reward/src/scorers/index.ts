/** Scorers by name, and those that are built in: one line per scorer. */
import { type ScorerInfo, SegueError } from '@segue/core';
import type { Scorer } from '../scorer.js';
import { exactScorer } from './exact.js';
import { expressionScorer } from './expression.js';
import { numericScorer } from './numeric.js';

/** Scorers by name. */
export interface Scorers {
  get(name: string): Scorer | undefined;
  names(): string[];
  describe(): ScorerInfo[];
}

export function scorerTable(scorers: readonly Scorer[]): Scorers {
  const byName = new Map(scorers.map((scorer) => [scorer.name, scorer]));
  return {
    get: (name) => byName.get(name),
    names: () => [...byName.keys()],
    describe: () => scorers.map(describeScorer),
  };
}

export const builtInScorers: Scorers = scorerTable([exactScorer, numericScorer, expressionScorer]);

/** @throws SegueError INVALID_INPUT with the names that there are. @param where what asked, for the message */
export function requireScorer(scorers: Scorers, name: string, where: string): Scorer {
  const scorer = scorers.get(name);
  if (scorer !== undefined) return scorer;
  const known = scorers.names().join(', ');
  throw new SegueError('INVALID_INPUT', `${where}: unknown scorer ${JSON.stringify(name)}; there are ${known}`);
}

export function describeScorer({
  name,
  description,
  metadataSchema,
}: Pick<Scorer, 'name' | 'description' | 'metadataSchema'>): ScorerInfo {
  const metadataSchemaJson = metadataSchema === null ? '' : JSON.stringify(metadataSchema);
  return { name, description, metadataSchemaJson, servers: null };
}
