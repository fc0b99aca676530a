/** All scorers by name: the built-in ones, and those that servers of somebody's own have registered, as they come and go. */
import type { ScorerInfo } from '@segue/core';
import type { Scorer } from '../scorer.js';
import { describeScorer, type Scorers } from '../scorers/index.js';
import { type RemoteScorerParts, remoteScorer } from './remote-scorer.js';

export class KnownScorers implements Scorers {
  readonly #builtIn: Scorers;
  readonly #parts: RemoteScorerParts;

  constructor(builtIn: Scorers, parts: RemoteScorerParts) {
    this.#builtIn = builtIn;
    this.#parts = parts;
  }

  get(name: string): Scorer | undefined {
    const known = this.#parts.servers.scorers.get(name);
    return this.#builtIn.get(name) ?? (known && remoteScorer(known, this.#parts));
  }

  names(): string[] {
    return [...this.#builtIn.names(), ...this.#parts.servers.scorers.keys()];
  }

  describe(): ScorerInfo[] {
    const own = [...this.#parts.servers.scorers.values()].map((known) => ({
      ...describeScorer(known),
      servers: this.#parts.servers.present(known.name).length,
    }));
    return [...this.#builtIn.describe(), ...own];
  }
}
