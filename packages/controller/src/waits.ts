/** What the controller waits for at this moment, since when, and from whom: each entry exists for as long as the wait lasts. */
import type { Waiting } from '@segue/core';

/** What can be waited for: the executed run's turn, actors, tasks that owe a segment, verdicts, the trainer, weights, another try. */
export const waitKinds = ['turn', 'actor', 'segments', 'scores', 'trainer', 'weights', 'device', 'retry'] as const;
export type WaitKind = (typeof waitKinds)[number];

/** One wait. */
export class Wait {
  readonly what: WaitKind;
  /** Whom is waited for; it may change while the wait lasts. */
  from: string;
  /** The run that waits, when it is not the executed one. */
  readonly run: string | null;
  readonly #end: (wait: Wait) => void;
  #count: number;
  #sinceMs = Date.now();
  /** Age at which watchers are told next. */
  noticeAtMs = 0;

  constructor(what: WaitKind, from: string, count: number, run: string | null, end: (wait: Wait) => void) {
    this.what = what;
    this.from = from;
    this.run = run;
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

  /** @param run the run that waits, when it is not the executed one */
  begin(what: WaitKind, from = '', count = 1, run: string | null = null): Wait {
    const wait = new Wait(what, from, count, run, (ended) => this.#waits.delete(ended));
    this.#waits.add(wait);
    return wait;
  }

  /** Waits for one promise. */
  async during<T>(what: WaitKind, from: string, work: Promise<T>): Promise<T> {
    const wait = this.begin(what, from);
    try {
      return await work;
    } finally {
      wait.end();
    }
  }

  /** @param run leaves out what holds up other runs than this one */
  list(run = ''): Waiting[] {
    const concerns = (wait: Wait) => run === '' || wait.run === null || wait.run === run;
    return [...this.#waits].filter((wait) => wait.count > 0 && concerns(wait)).map(waitingOf);
  }

  /** Waits that have lasted longer than usual, each again only after twice the time. That a run waits for others is told at once. */
  overdue(noticeMs: number, nowMs = Date.now()): Wait[] {
    const ageMs = (wait: Wait) => nowMs - wait.sinceMs;
    const firstMs = (wait: Wait) => (wait.run === null ? noticeMs : 0);
    const due = [...this.#waits].filter((w) => w.count > 0 && ageMs(w) >= Math.max(firstMs(w), w.noticeAtMs));
    for (const wait of due) wait.noticeAtMs = Math.max(noticeMs, 2 * ageMs(wait));
    return due;
  }
}

export function waitingOf({ what, from, sinceMs, count }: Wait): Waiting {
  return { what, from, sinceMs, count };
}
