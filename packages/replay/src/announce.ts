/**
 * Tells the controller that something was committed, so that it looks sooner than it would by itself. Many commits make one
 * announcement; loss is harmless.
 */
import type { ProgressNote } from '@segue/bus';
import type { Notice } from './progress.js';

/** Shortest time between two announcements, in ms; also the longest wait between a commit and its announcement. */
const restMs = 20;

const kinds = ['segment', 'score', 'group'] as const;

export class Announcer {
  readonly #announce: (note: ProgressNote) => void;
  /** The most telling kind since the last announcement, by run. */
  readonly #waiting = new Map<string, ProgressNote>();
  #timer: NodeJS.Timeout | null = null;
  #announcedAtMs = Number.NEGATIVE_INFINITY;

  constructor(announce: (note: ProgressNote) => void) {
    this.#announce = announce;
  }

  add(notice: Notice): void {
    const note = noteOf(notice);
    if (note === null) return;
    const waiting = this.#waiting.get(note.runId);
    if (waiting === undefined || kinds.indexOf(note.kind) >= kinds.indexOf(waiting.kind)) {
      this.#waiting.set(note.runId, note);
    }
    const waitMs = Math.max(0, this.#announcedAtMs + restMs - performance.now());
    this.#timer ??= setTimeout(() => this.flush(), waitMs);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#announcedAtMs = performance.now();
    const notes = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const note of notes) this.#announce(note);
  }
}

function noteOf(notice: Notice): ProgressNote | null {
  const { runId } = notice;
  switch (notice.kind) {
    case 'segment':
      return { runId, iteration: notice.segment.iteration, kind: 'segment' };
    case 'failed-try':
      return { runId, iteration: notice.iteration, kind: 'segment' };
    case 'score':
      return { runId, iteration: notice.trajectory.lastIteration, kind: 'score' };
    case 'group':
      return { runId, iteration: notice.group.iteration, kind: 'group' };
    case 'opened':
    case 'requeued':
    case 'iteration':
      return null;
  }
}
