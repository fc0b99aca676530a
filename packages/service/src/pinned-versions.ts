/**
 * Policy versions that work of this process needs, however old: told to the registry, so that the trainer keeps them. It knows neither
 * the work nor the files.
 */
import type { Registration } from '@segue/bus';

export class PinnedVersions {
  readonly #announce: () => Promise<void>;
  readonly #counts = new Map<string, number>();

  /** @param announce makes the registry know what `byVersion` holds */
  constructor(announce: () => Promise<void>) {
    this.#announce = announce;
  }

  /** As the heartbeat carries it. */
  get byVersion(): NonNullable<Registration['pinned']> {
    return Object.fromEntries(this.#counts);
  }

  has(runId: string, version: number): boolean {
    return this.#counts.has(pinName(runId, version));
  }

  /** Pins a version, and resolves when others can know it. Call what it answers when the work is over. */
  async pin(runId: string, version: number): Promise<() => void> {
    const name = pinName(runId, version);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    // A registry that is away learns it from the next heartbeat.
    await this.#announce().catch(() => undefined);
    return () => {
      const left = (this.#counts.get(name) ?? 1) - 1;
      if (left > 0) this.#counts.set(name, left);
      else this.#counts.delete(name);
    };
  }
}

/** Versions of a run that anybody has pinned. */
export function pinnedVersions(registrations: readonly Registration[], runId: string): Set<number> {
  const prefix = `${runId}/`;
  const names = registrations.flatMap(({ pinned }) => Object.keys(pinned ?? {}));
  return new Set(names.filter((name) => name.startsWith(prefix)).map((name) => Number(name.slice(prefix.length))));
}

function pinName(runId: string, version: number): string {
  return `${runId}/${version}`;
}
