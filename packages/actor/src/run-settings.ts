/**
 * What an actor must know of a run beside its tasks: how often to try, when to call a text a repetition, which tokens
 * end a response. Read once per run from the store and from the policy's tokenizer.
 */
import { parseRunConfig, type RepeatRule, type RunConfig, SegueError } from '@segue/core';
import { loadTokenizer, type Tokenizer } from '@segue/tokenizer';
import type { LanePolicy } from './lane-work.js';

/** Reads a run's configuration as it is kept. */
export type ReadRunConfig = (runId: string) => Promise<string>;

export class RunSettings {
  readonly config: RunConfig;
  /** null switches repeat detection off. */
  readonly repeat: RepeatRule | null;

  constructor(config: RunConfig) {
    this.config = config;
    const { enabled, maxPeriod, minRepeats, minTokens } = config.rollout.repeat;
    this.repeat = enabled ? { maxPeriod, minRepeats, minTokens } : null;
  }

  /** The tokenizer's own end tokens, and the run's stop texts, each of which must be one token. */
  stopTokens(tokenizer: Tokenizer): readonly number[] {
    const stops = this.config.rollout.stop.map((text) => {
      const tokens = tokenizer.encode(text);
      if (tokens.length === 1) return tokens[0]!;
      throw new SegueError(
        'INVALID_CONFIG',
        `rollout.stop: ${JSON.stringify(text)} is ${tokens.length} tokens for this policy; a stop text must be one`,
      );
    });
    return [...new Set([...tokenizer.eosTokens, ...stops])];
  }
}

/** Settings and tokenizers by run; each is read once. */
export class RunSettingsCache {
  readonly #readConfig: ReadRunConfig;
  readonly #settings = new Map<string, Promise<RunSettings>>();
  readonly #tokenizers = new Map<string, Promise<Tokenizer>>();

  constructor(readConfig: ReadRunConfig) {
    this.#readConfig = readConfig;
  }

  settings(runId: string): Promise<RunSettings> {
    return remember(this.#settings, runId, async () => {
      const config: unknown = JSON.parse(await this.#readConfig(runId));
      return new RunSettings(parseRunConfig(config, `configuration of run ${runId}`));
    });
  }

  /** A run's versions share one tokenizer, so it is read from the first that comes. Run and folder come as one: no run gets another's. */
  tokenizer({ runId, folder }: Pick<LanePolicy, 'runId' | 'folder'>): Promise<Tokenizer> {
    return remember(this.#tokenizers, runId, () => loadTokenizer(folder));
  }
}

/** The newest few are kept; one that failed is tried again at the next call. */
function remember<T>(cache: Map<string, Promise<T>>, name: string, read: () => Promise<T>): Promise<T> {
  const known = cache.get(name);
  if (known) return known;
  const made = read();
  cache.set(name, made);
  made.catch(() => cache.delete(name));
  const oldest = cache.keys().next().value;
  if (cache.size > 8 && oldest !== undefined) cache.delete(oldest);
  return made;
}
