/**
 * Group commit: writes that come in together share one transaction and one flush. A refused one does not touch the others: where it had changed
 * something all are undone, and run again each as a part that can be undone by itself. Nothing is answered before it is on disk; when the disk refuses, all writes of the transaction fail
 * with RESOURCE_EXHAUSTED, nothing of them is kept, and later ones are tried again. A store that has its limit takes writes alone that relieve it.
 * It knows nothing of what is written.
 */
import { statfsSync } from 'node:fs';
import { SegueError } from '@segue/core';
import { Space } from './space.js';
import type { Tables } from './tables.js';

export interface WriteOptions {
  /** It may run again in place of a run that was undone, since it changes nothing but rows. Such writes cost less. */
  readonly isRepeatable?: boolean;
  /** It removes rows, or brings to rest what writes them: a store that has its limit takes it all the same. */
  readonly relieves?: boolean;
}

/** A write that waits for its transaction. */
interface Pending extends Required<WriteOptions> {
  /** Runs inside the transaction. */
  readonly write: () => void;
  /** Runs after it is on disk. */
  readonly done: () => void;
  readonly failed: (error: SegueError) => void;
}

export interface WriterOptions {
  /** Writes are refused when so much of the file is in use, in bytes. */
  readonly maxStoreBytes: number;
  /** Writes in one transaction at most: bounds how long the process is busy with one. */
  readonly maxBatch?: number;
  /** Told how many writes a transaction held and how long it took, in ms. */
  readonly onTransaction?: ((writes: number, durationMs: number) => void) | undefined;
}

export class Writer {
  readonly #tables: Tables;
  readonly #options: WriterOptions;
  readonly #space: Space;
  #pending: Pending[] = [];
  #scheduled = false;
  #closed = false;
  #transactions = 0;

  constructor(tables: Tables, options: WriterOptions) {
    this.#tables = tables;
    this.#options = options;
    this.#space = new Space(tables, options.maxStoreBytes);
  }

  /** Transactions that are on disk. Whoever is answered at one number shared one. */
  get transactions(): number {
    return this.#transactions;
  }

  /**
   * Runs `write` in the next transaction; resolves when it is on disk.
   * @param committed runs then, before anybody is answered
   */
  run<T>(write: () => T, committed: (result: T) => void, options: WriteOptions = {}): Promise<T> {
    const { isRepeatable = false, relieves = false } = options;
    if (this.#closed) return Promise.reject(new SegueError('UNAVAILABLE', 'the store is closed'));
    return new Promise<T>((resolve, reject) => {
      let outcome: { readonly value: T } | null = null;
      this.#pending.push({
        isRepeatable,
        relieves,
        write: () => {
          outcome = { value: write() };
        },
        done: () => {
          if (outcome === null) {
            reject(new SegueError('INTERNAL', 'a write of the replay store was to be answered that never ran'));
            return;
          }
          committed(outcome.value);
          resolve(outcome.value);
        },
        failed: reject,
      });
      this.#schedule();
    });
  }

  /** Commits what waits; later writes are refused. */
  close(): void {
    this.#closed = true;
    while (this.#pending.length > 0) this.#commit();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
      if (this.#pending.length > 0) this.#schedule();
    });
  }

  #commit(): void {
    const batch = this.#pending.splice(0, this.#options.maxBatch ?? 256);
    if (batch.length === 0) return;
    const startedAt = performance.now();
    const refused = new Map<Pending, SegueError>();
    try {
      const admitted = this.#admit(batch, refused);
      const isDone = admitted.every(({ isRepeatable }) => isRepeatable) && this.#asOne(admitted, refused);
      if (!isDone) this.#apart(admitted, refused);
    } catch (error) {
      const failure = this.#translate(error);
      for (const pending of batch) pending.failed(refused.get(pending) ?? failure);
      return;
    }
    this.#transactions++;
    this.#options.onTransaction?.(batch.length, performance.now() - startedAt);
    for (const pending of batch) {
      const error = refused.get(pending);
      if (error === undefined) pending.done();
      else pending.failed(error);
    }
  }

  /**
   * The writes one after the other, none of them a part by itself, which costs as much as another row or two. False, with nothing changed, when one broke off
   * after it had changed something. @param refused takes those that broke off before
   */
  #asOne(batch: readonly Pending[], refused: Map<Pending, SegueError>): boolean {
    let isHalfDone = false;
    try {
      this.#tables.transact(() => {
        for (const pending of batch) {
          const changesBefore = this.#tables.changes();
          try {
            pending.write();
          } catch (error) {
            isHalfDone = this.#tables.changes() > changesBefore;
            if (isHalfDone) throw error;
            refused.set(pending, this.#translate(error));
          }
        }
      });
    } catch (error) {
      if (!isHalfDone) throw error;
      // These run again, and what comes of that run is what is committed. Those that were not admitted stay refused.
      for (const pending of batch) refused.delete(pending);
      return false;
    }
    return true;
  }

  /** Each write as a part that can be undone by itself. @param refused takes those that broke off */
  #apart(batch: readonly Pending[], refused: Map<Pending, SegueError>): void {
    this.#tables.transact(() => {
      for (const pending of batch) {
        try {
          this.#tables.transact(pending.write);
        } catch (error) {
          refused.set(pending, this.#translate(error));
        }
      }
    });
  }

  /** What there is room for. @param refused takes the others */
  #admit(batch: readonly Pending[], refused: Map<Pending, SegueError>): readonly Pending[] {
    const full = this.#space.refusal();
    if (full === null) return batch;
    for (const pending of batch) if (!pending.relieves) refused.set(pending, full);
    const admitted = batch.filter(({ relieves }) => relieves);
    if (admitted.length === 0) throw full;
    return admitted;
  }

  /** What the library throws for a failing disk has a number as its code. */
  #translate(error: unknown): SegueError {
    if (error instanceof SegueError) return error;
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'number')) return SegueError.from(error);
    const { bavail, bsize } = statfsSync(this.#tables.folder);
    return new SegueError(
      'RESOURCE_EXHAUSTED',
      `the replay store in ${this.#tables.folder} could not be written (${error.message}, ${bavail * bsize} bytes free): ` +
        'nothing that was committed is lost; free disk space',
      error,
    );
  }
}
