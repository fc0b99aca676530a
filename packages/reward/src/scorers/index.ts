/** The scorers that this service knows, by name. One line per scorer. */
import { type ScorerInfo, SegueError } from '@segue/core';
import type { Scorer } from '../scorer.js';
import { exactScorer } from './exact.js';
import { expressionScorer } from './expression.js';
import { numericScorer } from './numeric.js';

export type Scorers = ReadonlyMap<string, Scorer>;

export function scorerTable(scorers: readonly Scorer[]): Scorers {
  return new Map(scorers.map((scorer) => [scorer.name, scorer]));
}

export const builtInScorers: Scorers = scorerTable([exactScorer, numericScorer, expressionScorer]);

/** @throws SegueError INVALID_INPUT with the names that there are. @param where what asked, for the message */
export function requireScorer(scorers: Scorers, name: string, where: string): Scorer {
  const scorer = scorers.get(name);
  if (scorer !== undefined) return scorer;
  const known = [...scorers.keys()].join(', ');
  throw new SegueError('INVALID_INPUT', `${where}: unknown scorer ${JSON.stringify(name)}; there are ${known}`);
}

export function describeScorers(scorers: Scorers): ScorerInfo[] {
  return [...scorers.values()].map(({ name, description, metadataSchema }) => ({
    name,
    description,
    metadataSchemaJson: metadataSchema === null ? '' : JSON.stringify(metadataSchema),
  }));
}
