/** What the controller waits for at this moment, since when, and from whom: each entry exists for as long as the wait lasts. */
import type { Waiting } from '@segue/core';

/** One wait; `count` may change while it lasts. */
export interface Wait {
  count: number;
  end(): void;
}

interface Entry extends Wait {
  readonly what: string;
  readonly from: string;
  readonly sinceMs: number;
  /** Age at which watchers are told next. */
  noticeAtMs: number;
}

export class Waits {
  readonly #entries = new Set<Entry>();

  begin(what: string, from = '', count = 1): Wait {
    const entry: Entry = {
      what,
      from,
      sinceMs: Date.now(),
      count,
      noticeAtMs: 0,
      end: () => this.#entries.delete(entry),
    };
    this.#entries.add(entry);
    return entry;
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

  /** Entries with nothing to wait for (count 0) are left out. */
  list(): Waiting[] {
    return [...this.#entries]
      .filter((entry) => entry.count > 0)
      .map(({ what, from, sinceMs, count }) => ({ what, from, sinceMs, count }));
  }

  /** Waits that have lasted longer than usual, each again only after twice the time. */
  overdue(noticeMs: number, nowMs = Date.now()): Waiting[] {
    const due = [...this.#entries].filter(
      (entry) => entry.count > 0 && nowMs - entry.sinceMs >= Math.max(noticeMs, entry.noticeAtMs),
    );
    for (const entry of due) entry.noticeAtMs = 2 * (nowMs - entry.sinceMs);
    return due.map(({ what, from, sinceMs, count }) => ({ what, from, sinceMs, count }));
  }
}
