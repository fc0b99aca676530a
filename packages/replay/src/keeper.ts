/**
 * Keeps the store whole: mends what a disk has damaged, at start, when a damaged record is met, and when it is asked to look; and gives snapshots. What nothing
 * can mend is told once and stands until the process ends.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { pause } from '@segue/bus';
import { SegueError, type SnapshotChunk, type StoreCheck, type StoreDamage } from '@segue/core';
import { examineLetters } from './examine-letters.js';
import { find } from './find.js';
import { HeldVersions } from './held-versions.js';
import { newestIterations } from './iterations.js';
import { type Examined, examineRun, type Scope } from './mend.js';
import { recount } from './recount.js';
import { isRetired } from './retired.js';
import { runRules } from './run-rules.js';
import { runIds } from './runs.js';
import { takeSnapshot } from './snapshot.js';
import { DamagedRow, type Tables } from './tables.js';

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
/** Errors that are remembered as hopeless. */
const maxHopeless = 1_000;

/** How long a caller that does not leave may hold versions, in ms: as long as our own clients' calls last. */
const longestHoldMs = 3_600_000;

/** How far a look through the store has come. */
interface Pass {
  readonly repair: boolean;
  records: number;
  sinceTurn: number;
  sinceReport: number;
  isMended: boolean;
}

export class Keeper {
  /** Versions that snapshots which are being taken may name. */
  readonly held = new HeldVersions();
  readonly #options: KeeperOptions;
  /** What nothing mends, by what it is. */
  readonly #standing = new Map<string, StoreDamage>();
  /** What callers met and no pass could mend, by the words of the error. */
  readonly #hopeless = new Set<string>();
  /** Passes that run, by what they look through. */
  readonly #healing = new Map<string, Promise<number>>();

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
    const pass: Pass = { repair, records: 0, sinceTurn: 0, sinceReport: 0, isMended: false };
    for (const id of this.#runIds(runId)) {
      pass.isMended = false;
      try {
        yield* this.#walk(this.#examine(id, 'all'), pass);
      } finally {
        // Also when whoever listens goes away in the middle.
        if (pass.isMended) await this.#settle(id);
      }
    }
    if (runId === null) yield* this.#walk(examineLetters(this.#options.tables), pass);
    yield { records: pass.records, damage: null };
  }

  /** Takes steps, mends where it is asked to, and lets others have their turn in between. */
  async *#walk(steps: Iterable<Examined>, pass: Pass): AsyncGenerator<StoreCheck> {
    for (const step of steps) {
      pass.records += step.records;
      if (pass.repair && step.mend !== null) {
        pass.isMended = true;
        await this.#options.write(step.mend);
      }
      this.#tell(step.damages, pass.repair);
      for (const damage of step.damages) yield { records: pass.records, damage };
      pass.sinceTurn += step.records;
      pass.sinceReport += step.records;
      if (pass.sinceReport >= recordsPerReport) {
        pass.sinceReport = 0;
        yield { records: pass.records, damage: null };
      }
      if (pass.sinceTurn < recordsPerTurn) continue;
      pass.sinceTurn = 0;
      await turn();
    }
  }

  /** Makes anew what follows from records that were mended, on disk and in memory. */
  async #settle(runId: string): Promise<void> {
    const { tables, write, onMended } = this.#options;
    try {
      if (tables.recounts.has([runId])) {
        await write(() => {
          if (!isRetired(tables, runId)) recount(tables, runId);
        });
      }
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
    const { code, rawMessage, cause } = failure;
    // What a pass found nothing to do about is not looked for again at each call.
    if (code !== 'DATA_LOSS' || this.#hopeless.has(rawMessage)) return failure;
    if ((await this.#heal(cause instanceof DamagedRow ? cause : null)) > 0) {
      return new SegueError('UNAVAILABLE', `${rawMessage}; what it belonged to is run again: try again`, failure);
    }
    if (this.#hopeless.size >= maxHopeless) this.#hopeless.clear();
    this.#hopeless.add(rawMessage);
    return failure;
  }

  /**
   * A snapshot, part by part. The trainer keeps the versions that its runs go on from until it ends, or `longestMs` are over; before the copy is made, all that these
   * may be.
   * @param left fires when the caller leaves, which is waited for after the last part; null: it ends with the last part
   */
  async *snapshot(left: AbortSignal | null = null, longestMs = longestHoldMs): AsyncGenerator<SnapshotChunk> {
    const { tables } = this.#options;
    const hold = this.held.hold(newestIterations(tables));
    const endsAtMs = performance.now() + longestMs;
    // A caller without a deadline may stand still in the middle of it, and be there all the same.
    const longest = setTimeout(hold.release, longestMs).unref();
    try {
      yield* takeSnapshot(tables, hold.onlyNamed);
      if (left !== null) await pause(Math.max(0, endsAtMs - performance.now()), left);
    } finally {
      clearTimeout(longest);
      hold.release();
    }
  }

  /** Mends the run whose row it was, or the whole store; answers how much there was to mend. A call while the same one runs waits for it. */
  #heal(row: DamagedRow | null): Promise<number> {
    const { tables } = this.#options;
    const isLetter = row?.table === 'deadLetters' || row?.table === 'letterBodies';
    const runId = row !== null && tables.runs.has(row.key.slice(0, 1)) ? String(row.key[0]) : null;
    const name = isLetter ? 'dead letters' : `run ${runId ?? ''}`;
    const heal = async () => {
      let mended = 0;
      const pass: Pass = { repair: true, records: 0, sinceTurn: 0, sinceReport: 0, isMended: false };
      const checks = isLetter ? this.#walk(examineLetters(tables), pass) : this.check(runId, true);
      for await (const { damage } of checks) if (damage !== null && damage.mending !== 'none') mended++;
      return mended;
    };
    const healing = this.#healing.get(name) ?? heal().finally(() => this.#healing.delete(name));
    this.#healing.set(name, healing);
    return healing;
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
    yield* this.#whileKept(runId, examineRun(tables, runId, runRules(run.row?.configJson ?? ''), scope));
  }

  /** Records that go since the run is let go of are not damaged, and nothing of it is mended any more. */
  *#whileKept(runId: string, steps: Iterable<Examined>): Generator<Examined> {
    const isGone = () => isRetired(this.#options.tables, runId);
    if (isGone()) return;
    for (const { mend, ...step } of steps) {
      if (isGone()) return;
      const mendUnlessGone = () => {
        if (!isGone()) mend?.();
      };
      yield { ...step, mend: mend === null ? null : mendUnlessGone };
    }
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
