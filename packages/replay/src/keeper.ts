/**
 * Keeps the store whole: mends what a disk has damaged, at start, when a damaged record is met, and when it is asked to look; and gives snapshots. What nothing
 * can mend is told once and stands until the process ends.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { SegueError, type SnapshotChunk, type StoreCheck, type StoreDamage } from '@segue/core';
import { find } from './find.js';
import { type Examined, examineRun, type Scope } from './mend.js';
import { recount } from './recount.js';
import { runRules } from './run-rules.js';
import { runIds } from './runs.js';
import { takeSnapshot } from './snapshot.js';
import type { Tables } from './tables.js';

export interface KeeperOptions {
  readonly tables: Tables;
  /** Runs in a transaction of its own. */
  readonly write: (work: () => void) => Promise<void>;
  /** Records of the run were mended: what is known of it in memory must be read again. */
  readonly onMended: (runId: string) => void;
  /** Told of each damage once, whether it was mended or not. */
  readonly onDamage?: ((damage: StoreDamage, isMended: boolean) => void) | undefined;
}

/** Records between two looks at what else is to be done. */
const recordsPerTurn = 64;
const recordsPerReport = 10_000;

export class Keeper {
  readonly #options: KeeperOptions;
  /** What nothing mends, by what it is. */
  readonly #standing = new Map<string, StoreDamage>();
  #healing: Promise<number> | null = null;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** Damage that nothing mends. */
  get standing(): readonly StoreDamage[] {
    return [...this.#standing.values()];
  }

  /** Takes note of damage that somebody else has met, and mended where that can be. */
  note(damage: StoreDamage): void {
    this.#tell([damage], true);
  }

  /** Mends what the runs need in order to go on, before anybody asks for it. */
  mendAtStart(): void {
    const { tables } = this.#options;
    for (const runId of this.#runIds(null)) {
      for (const { damages, mend } of this.#examine(runId, 'live')) {
        // A crash in between leaves a mark that the next start finds.
        if (mend !== null) tables.transact(mend);
        this.#tell(damages, true);
      }
    }
  }

  /** Looks through the store, or one run. @param repair mends what it finds; else nothing is changed */
  async *check(runId: string | null, repair: boolean): AsyncGenerator<StoreCheck> {
    let records = 0;
    let sinceTurn = 0;
    let sinceReport = 0;
    for (const id of this.#runIds(runId)) {
      let isMended = false;
      try {
        for (const step of this.#examine(id, 'all')) {
          records += step.records;
          if (repair && step.mend !== null) {
            isMended = true;
            await this.#options.write(step.mend);
          }
          this.#tell(step.damages, repair);
          for (const damage of step.damages) yield { records, damage };
          sinceTurn += step.records;
          sinceReport += step.records;
          if (sinceReport >= recordsPerReport) {
            sinceReport = 0;
            yield { records, damage: null };
          }
          if (sinceTurn < recordsPerTurn) continue;
          sinceTurn = 0;
          await turn();
        }
      } finally {
        // Also when whoever listens goes away in the middle.
        if (isMended) await this.#settle(id);
      }
    }
    yield { records, damage: null };
  }

  /** Makes anew what follows from records that were mended, on disk and in memory. */
  async #settle(runId: string): Promise<void> {
    const { tables, write, onMended } = this.#options;
    try {
      if (tables.recounts.has([runId])) await write(() => recount(tables, runId));
    } finally {
      onMended(runId);
    }
  }

  /**
   * Runs work that reads the store. When it meets damage that can be mended it is mended, and the caller is told to try again.
   * @throws SegueError UNAVAILABLE then; DATA_LOSS when nothing can be done
   */
  async during<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.afterDamage(error);
    }
  }

  /** What to throw instead of an error that met damage. */
  async afterDamage(error: unknown): Promise<SegueError> {
    const failure = SegueError.from(error);
    if (failure.code !== 'DATA_LOSS' || (await this.#heal()) === 0) return failure;
    return new SegueError('UNAVAILABLE', `${failure.rawMessage}; what it belonged to is run again: try again`, failure);
  }

  snapshot(): AsyncGenerator<SnapshotChunk> {
    return takeSnapshot(this.#options.tables);
  }

  /** Mends the whole store; answers how much there was to mend. A call while one runs waits for it. */
  #heal(): Promise<number> {
    const heal = async () => {
      let mended = 0;
      for await (const { damage } of this.check(null, true)) if (damage !== null && damage.mending !== 'none') mended++;
      return mended;
    };
    this.#healing ??= heal().finally(() => {
      this.#healing = null;
    });
    return this.#healing;
  }

  #runIds(runId: string | null): string[] {
    const ids = runIds(this.#options.tables);
    if (runId === null || ids.includes(runId)) return runId === null ? ids : [runId];
    throw new SegueError('NOT_FOUND', `run ${JSON.stringify(runId)} is not in the store`);
  }

  *#examine(runId: string, scope: Scope): Generator<Examined> {
    const { tables } = this.#options;
    const run = find(tables.runs, [runId]);
    if (run.row === null) {
      const detail = `${run.fault}; restore a snapshot (segue store restore)`;
      yield { records: 1, damages: [{ runId, what: 'record of the run', detail, mending: 'none' }], mend: null };
    }
    yield* examineRun(tables, runId, runRules(run.row?.configJson ?? ''), scope);
  }

  #tell(damages: readonly StoreDamage[], isMending: boolean): void {
    for (const damage of damages) {
      const isMended = isMending && damage.mending !== 'none';
      const name = `${damage.runId} ${damage.what}`;
      if (isMended) this.#standing.delete(name);
      else if (this.#standing.has(name)) continue;
      else this.#standing.set(name, damage);
      this.#options.onDamage?.(damage, isMended);
    }
  }
}
