/**
 * The servers of somebody's own that this process has heard of, and which of them can be asked now. One that says nothing for a while is absent, one that
 * could not be reached, or has let deadlines pass without an answer, rests a moment; a scorer stays known for a day after its last server has gone. It knows nothing of the bus or of verdicts.
 */
import type { Client, ScorerEntry } from '@segue/bus';
import type { RewardApi } from '@segue/core';

/** A server counts as absent when it has not registered again for so long, in ms. */
export const expiresAfterMs = 15_000;
/** What has been silent for so long is forgotten, as on the bus, in ms. */
export const forgottenAfterMs = 24 * 3_600_000;
/** Deadlines in a row without an answer after which a server counts as one that cannot be reached: a single response may hang the best of them. */
const maxUnanswered = 3;
/** How long a server that could not be reached is passed over, in ms; doubled with each failure in a row. */
const firstRestMs = 500;
const longestRestMs = 10_000;

type CallsServer = Pick<Client<RewardApi>, 'scoreBatch' | 'close'>;

/** Makes a connection to a server, at its first use. */
export type OpenServer = (instance: string, address: string) => CallsServer;

/** One server of one scorer. */
export interface ScorerServerState {
  readonly instance: string;
  readonly address: string;
  readonly client: CallsServer;
  heardAtMs: number;
  /** It has said that it leaves. */
  hasLeft: boolean;
  /** Calls that wait for it. */
  inFlight: number;
  failuresInARow: number;
  unansweredInARow: number;
  restsUntilMs: number;
}

/** A scorer as its servers described it last. */
export interface KnownScorer {
  readonly name: string;
  readonly description: string;
  readonly metadataSchema: object | null;
  readonly servers: Map<string, ScorerServerState>;
}

export class ScorerServers {
  readonly #open: OpenServer;
  readonly #nowMs: () => number;
  readonly #scorers = new Map<string, KnownScorer>();

  /** @param nowMs a clock that never jumps */
  constructor(open: OpenServer, nowMs: () => number = () => performance.now()) {
    this.#open = open;
    this.#nowMs = nowMs;
  }

  get scorers(): ReadonlyMap<string, KnownScorer> {
    return this.#scorers;
  }

  /** A server said that it serves a scorer, again or for the first time, or that it has left. */
  hear(entry: ScorerEntry): void {
    const { scorer: name, instance, address, description, serves } = entry;
    const known = this.#scorers.get(name);
    const servers = known?.servers ?? new Map<string, ScorerServerState>();
    this.#scorers.set(name, { name, description, metadataSchema: readSchema(entry.metadataSchemaJson), servers });
    const before = servers.get(instance);
    if (before?.address === address) {
      Object.assign(before, { heardAtMs: this.#nowMs(), hasLeft: !serves, restsUntilMs: 0 });
      return;
    }
    before?.client.close();
    servers.set(instance, {
      instance,
      address,
      client: this.#open(instance, address),
      heardAtMs: this.#nowMs(),
      hasLeft: !serves,
      inFlight: 0,
      failuresInARow: 0,
      unansweredInARow: 0,
      restsUntilMs: 0,
    });
  }

  /** Scorers that a server serves now. */
  servedBy(instance: string): KnownScorer[] {
    return [...this.#scorers.values()].filter(({ servers }) => servers.get(instance)?.hasLeft === false);
  }

  /** Those that have registered lately and have not left. */
  present(name: string): ScorerServerState[] {
    const since = this.#nowMs() - expiresAfterMs;
    const servers = this.#scorers.get(name)?.servers.values() ?? [];
    return [...servers].filter(({ hasLeft, heardAtMs }) => !hasLeft && heardAtMs >= since);
  }

  /** Those that may be asked now, the least busy first. */
  ready(name: string): ScorerServerState[] {
    const nowMs = this.#nowMs();
    return this.present(name)
      .filter(({ restsUntilMs }) => restsUntilMs <= nowMs)
      .sort((a, b) => a.inFlight - b.inFlight);
  }

  /** Why nobody can be asked; null when somebody can. */
  whyAway(name: string): string | null {
    if (this.ready(name).length > 0) return null;
    const resting = this.present(name);
    if (resting.length > 0) {
      return `scorer ${name}: ${resting.map(({ instance, address }) => `${instance} at ${address}`).join(', ')} cannot be reached`;
    }
    const servers = [...(this.#scorers.get(name)?.servers.values() ?? [])];
    const ago = ({ heardAtMs }: ScorerServerState) => `${((this.#nowMs() - heardAtMs) / 1000).toFixed(0)} s ago`;
    const last = servers.map((server) => `${server.instance} at ${server.address} registered last ${ago(server)}`);
    return `scorer ${name} is registered by nobody now${last.length > 0 ? ` (${last.join('; ')})` : ''}`;
  }

  answered(server: ScorerServerState): void {
    server.failuresInARow = 0;
    server.unansweredInARow = 0;
  }

  /** A deadline passed while it was asked: a machine that is gone without a word is seen by that alone. */
  unanswered(server: ScorerServerState): void {
    server.unansweredInARow++;
    if (server.unansweredInARow >= maxUnanswered) this.lost(server);
  }

  /** It could not be reached: it is passed over for a moment. */
  lost(server: ScorerServerState): void {
    const restMs = Math.min(longestRestMs, firstRestMs * 2 ** server.failuresInARow);
    server.failuresInARow++;
    server.restsUntilMs = this.#nowMs() + restMs;
  }

  /** Scorers that somebody serves now. */
  countPresent(): number {
    return [...this.#scorers.keys()].filter((name) => this.present(name).length > 0).length;
  }

  /** Forgets servers that have been silent for long, and scorers that have none left. */
  forgetSilent(): void {
    const since = this.#nowMs() - forgottenAfterMs;
    for (const [name, { servers }] of this.#scorers) {
      for (const [instance, { heardAtMs, inFlight, client }] of servers) {
        if (heardAtMs >= since || inFlight > 0) continue;
        client.close();
        servers.delete(instance);
      }
      if (servers.size === 0) this.#scorers.delete(name);
    }
  }

  close(): void {
    for (const { servers } of this.#scorers.values()) for (const { client } of servers.values()) client.close();
    this.#scorers.clear();
  }
}

/** Was checked when it was registered. */
function readSchema(json: string): object | null {
  return json === '' ? null : JSON.parse(json);
}
