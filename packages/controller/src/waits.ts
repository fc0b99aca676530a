/** What the controller waits for at this moment, since when, and from whom: each entry exists for as long as the wait lasts. */
import type { Waiting } from '@segue/core';

/** One wait. */
export class Wait {
  readonly what: string;
  readonly from: string;
  readonly #end: (wait: Wait) => void;
  #count: number;
  #sinceMs = Date.now();
  /** Age at which watchers are told next. */
  noticeAtMs = 0;

  constructor(what: string, from: string, count: number, end: (wait: Wait) => void) {
    this.what = what;
    this.from = from;
    this.#count = count;
    this.#end = end;
  }

  /** How many are waited for; 0: none at this moment. */
  get count(): number {
    return this.#count;
  }

  /** One that changes is not stuck: its age begins anew. */
  set count(count: number) {
    if (count === this.#count) return;
    this.#count = count;
    this.#sinceMs = Date.now();
    this.noticeAtMs = 0;
  }

  get sinceMs(): number {
    return this.#sinceMs;
  }

  end(): void {
    this.#end(this);
  }
}

export class Waits {
  readonly #waits = new Set<Wait>();

  begin(what: string, from = '', count = 1): Wait {
    const wait = new Wait(what, from, count, (ended) => this.#waits.delete(ended));
    this.#waits.add(wait);
    return wait;
  }

  /** Waits for one promise. */
  async during<T>(what: string, from: string, work: Promise<T>): Promise<T> {
    const wait = this.begin(what, from);
    try {
      return await work;
    } finally {
      wait.end();
    }
  }

  list(): Waiting[] {
    return [...this.#waits].filter((wait) => wait.count > 0).map(waitingOf);
  }

  /** Waits that have lasted longer than usual, each again only after twice the time. */
  overdue(noticeMs: number, nowMs = Date.now()): Waiting[] {
    const ageMs = (wait: Wait) => nowMs - wait.sinceMs;
    const due = [...this.#waits].filter((w) => w.count > 0 && ageMs(w) >= Math.max(noticeMs, w.noticeAtMs));
    for (const wait of due) wait.noticeAtMs = 2 * ageMs(wait);
    return due.map(waitingOf);
  }
}

function waitingOf({ what, from, sinceMs, count }: Wait): Waiting {
  return { what, from, sinceMs, count };
}
