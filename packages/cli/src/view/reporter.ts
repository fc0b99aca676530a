/**
 * How a run is shown while it goes on: a live terminal view, plain lines, or JSON lines. All three take the same views; stdout is for the
 * run's own output, so with `--json` nothing else is written there.
 */
import { createLogUpdate } from 'log-update';
import type { RunViewState } from './run-view.js';
import type { RunSummary } from './summary.js';
import { accuracyLine, accuracyOf, renderView, tableHead, tableRow } from './terminal.js';

export interface Reporter {
  /** The run is known by something new. */
  update(view: RunViewState): void;
  /** Something for the person beside the run: where pictures are, what to do next. */
  say(text: string): void;
  finish(summary: RunSummary): void;
  close(): void;
}

export interface ReporterOptions {
  readonly run: string;
  readonly iterationsPlanned: number;
  readonly json: boolean;
  readonly startedAtMs: number;
}

/** Picks the reporter: JSON lines when asked, the live view on a terminal, else plain lines. */
export function createReporter(options: ReporterOptions): Reporter {
  if (options.json) return new JsonReporter();
  return process.stdout.isTTY ? new LiveReporter(options) : new LineReporter();
}

/** One JSON object per iteration, then the summary. */
class JsonReporter implements Reporter {
  #written = 0;

  update(view: RunViewState): void {
    for (const iteration of view.iterations.slice(this.#written)) writeJson({ type: 'iteration', ...iteration });
    this.#written = view.iterations.length;
  }

  say(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  finish(summary: RunSummary): void {
    writeJson(summary);
  }

  close(): void {}
}

function writeJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** One line per iteration and evaluation, for logs and pipes. */
class LineReporter implements Reporter {
  #iterations = 0;
  #evaluations = 0;
  #phase = '';

  update(view: RunViewState): void {
    if (view.phase === 'warmup' && this.#phase !== 'warmup') this.say('warm-up on worked examples');
    this.#phase = view.phase;
    for (const evaluation of view.evaluations.slice(this.#evaluations)) this.say(accuracyLine(evaluation));
    this.#evaluations = view.evaluations.length;
    for (const iteration of view.iterations.slice(this.#iterations)) {
      if (this.#iterations % 20 === 0) this.say(tableHead());
      this.say(tableRow(iteration, accuracyOf(view, iteration)));
      this.#iterations += 1;
    }
  }

  say(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  finish(summary: RunSummary): void {
    this.say(closingWords(summary));
  }

  close(): void {}
}

const redrawIntervalMs = 250;

/** A view that is drawn in place, a few times a second. */
class LiveReporter implements Reporter {
  readonly #options: ReporterOptions;
  readonly #draw = createLogUpdate(process.stdout);
  readonly #timer: NodeJS.Timeout;
  #view: RunViewState | null = null;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#redraw(), redrawIntervalMs);
  }

  #redraw(): void {
    if (!this.#view) return;
    const columns = process.stdout.columns ?? 100;
    this.#draw(renderView(this.#view, { ...this.#options, nowMs: Date.now(), columns }));
  }

  update(view: RunViewState): void {
    this.#view = view;
  }

  say(text: string): void {
    this.#draw.clear();
    process.stdout.write(`${text}\n`);
    this.#redraw();
  }

  finish(summary: RunSummary): void {
    this.#redraw();
    this.#draw.done();
    clearInterval(this.#timer);
    this.#view = null;
    process.stdout.write(`\n${closingWords(summary)}\n`);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#draw.done();
  }
}

function closingWords(s: RunSummary): string {
  const share = s.trajectories > 0 ? ((100 * s.spanning) / s.trajectories).toFixed(0) : '0';
  const accuracy = (value: number | null) => (value === null ? '-' : value.toFixed(3));
  return [
    `held-out accuracy ${accuracy(s.accuracyBefore)} -> ${accuracy(s.accuracyAfter)} at temperature 1, ${accuracy(s.greedyBefore)} -> ${accuracy(s.greedyAfter)} greedy`,
    `${s.trajectories} trajectories, ${share} % of them over two or more iterations; ${s.tokensGenerated} tokens generated, ${s.tokensReprefilled} prefilled again`,
    `${s.iterations} iterations, ${s.wallSeconds} s in all`,
  ].join('\n');
}
