/**
 * The work of a lane: what users offer and get back, and the book of what is in the lane's engine. It starts nothing and calls no engine.
 */
import { joinWaiting, type SegueError, type SequenceRequest, type SequenceResult } from '@segue/core';

/** The version that a lane serves. */
export interface LanePolicy {
  readonly runId: string;
  readonly version: number;
  readonly folder: string;
  /** Names its content: a version may be written anew under its number. */
  readonly manifestSha256: string;
}

/** A version that a lane is to serve next, and who waits for it. */
export interface PendingLoad {
  readonly policy: LanePolicy;
  resolve(): void;
  reject(error: SegueError): void;
}

/** A sequence that somebody wants generated. In the end exactly one of `finish` and `fail` is called, once. */
export interface LaneWork {
  readonly request: SequenceRequest;
  readonly source: WorkSource;
  finish(result: SequenceResult): void;
  fail(error: SegueError): void;
  /** It was taken but has not begun, since its engine is lost or has a sequence of that id: its owner may offer it again. */
  putBack(): void;
}

/** A lane that has room, as a source sees it. */
export interface AskingLane {
  readonly slots: number;
  /** Sequences in slots. */
  readonly running: number;
  /** What it serves; null while it serves nothing. */
  readonly policy: LanePolicy | null;
  /** Whether a sequence of that id is in its engine, or about to be: another one waits until it has ended. */
  holds(id: string): boolean;
  /** Sequences of one source in its engine. */
  heldOf(source: WorkSource): number;
}

export interface WorkSource {
  /** Its work arrives bit by bit: an idle lane gathers it for a moment before it begins. */
  readonly comesInPieces?: boolean;
  /** Hands over at most `free` sequences for what the lane serves. */
  take(free: number, lane: AskingLane): LaneWork[];
}

export class LaneWorks {
  /** In the engine, in the order in which they get slots. */
  #inside = new Map<string, LaneWork>();
  /** Ended, not yet handed back. */
  readonly #ended: { readonly work: LaneWork; readonly result: SequenceResult }[] = [];

  /** How many are in the engine: they run, or wait there for a slot. */
  get size(): number {
    return this.#inside.size;
  }
  get inside(): LaneWork[] {
    return [...this.#inside.values()];
  }
  has(id: string): boolean {
    return this.#inside.has(id);
  }
  named(ids: readonly string[]): LaneWork[] {
    return ids.flatMap((id) => this.#inside.get(id) ?? []);
  }

  /**
   * An engine tells its sequences by their ids: one whose id is inside goes back to its owner, to be offered again.
   * @param slots of the engine: what is not in one of them waits, and may be passed
   * @returns those that are inside now
   */
  join(works: readonly LaneWork[], slots: number): LaneWork[] {
    const begun = this.inside.slice(0, slots);
    const waiting = this.inside.slice(slots);
    const ids = new Set(this.#inside.keys());
    const joined: LaneWork[] = [];
    for (const work of works) {
      const { id } = work.request;
      if (ids.has(id)) {
        work.putBack();
        continue;
      }
      ids.add(id);
      joined.push(work);
      joinWaiting(begun.length < slots ? begun : waiting, work, ({ request }) => request);
    }
    this.#inside = new Map([...begun, ...waiting].map((work) => [work.request.id, work]));
    return joined;
  }

  /** The engine has refused them. */
  leave(works: readonly LaneWork[]): void {
    for (const work of works) if (this.#inside.get(work.request.id) === work) this.#inside.delete(work.request.id);
  }

  /** Takes results out: their slots are free. */
  collect(results: readonly SequenceResult[]): void {
    for (const result of results) {
      const work = this.#inside.get(result.id);
      this.#inside.delete(result.id);
      if (work) this.#ended.push({ work, result });
    }
  }

  /** Gives their owners what has ended. */
  handBack(): void {
    for (const { work, result } of this.#ended.splice(0)) work.finish(result);
  }

  /** Fails the first `count`; the others have not begun, as far as the lane has heard: they are put back, the last one first. */
  fail(error: SegueError, count: number): void {
    const works = this.inside;
    this.#inside.clear();
    for (const work of works.slice(0, count)) work.fail(error);
    for (const work of works.slice(count).reverse()) work.putBack();
  }
}
