/**
 * Says on stderr that something goes on, and how far it is, once it has lasted two seconds; before that nothing is said. On a terminal one line is rewritten, elsewhere a
 * line is written now and then. stdout stays the command's own.
 */
import { createLogUpdate } from 'log-update';

export interface ProgressOptions {
  /** Longest time without a word, in ms. */
  readonly afterMs: number;
  /** Between two lines where there is no terminal, in ms. */
  readonly everyMs: number;
  readonly isTerminal: boolean;
  readonly write: (line: string) => void;
}

const terminalEveryMs = 200;

export class Progress {
  readonly #what: string;
  readonly #startedAtMs = performance.now();
  readonly #line: { (text: string): void; done(): void; clear(): void } | null;
  readonly #write: (line: string) => void;
  readonly #timer: NodeJS.Timeout;
  #repeat: NodeJS.Timeout | null = null;
  #how = '';

  /** @param what goes on, such as `reading the store` */
  constructor(what: string, options: Partial<ProgressOptions> = {}) {
    const { afterMs = 2_000, everyMs = 5_000, isTerminal = process.stderr.isTTY === true } = options;
    this.#what = what;
    this.#write = options.write ?? ((line) => void process.stderr.write(`${line}\n`));
    this.#line = isTerminal ? createLogUpdate(process.stderr) : null;
    this.#timer = setTimeout(() => {
      this.#say();
      this.#repeat = setInterval(() => this.#say(), isTerminal ? terminalEveryMs : everyMs);
      this.#repeat.unref();
    }, afterMs);
    this.#timer.unref();
  }

  /** How far it is, for people: `12000 records`. */
  update(how: string): void {
    this.#how = how;
  }

  #say(): void {
    const seconds = ((performance.now() - this.#startedAtMs) / 1000).toFixed(0);
    const line = `${this.#what}${this.#how === '' ? '' : `: ${this.#how}`} (${seconds} s)`;
    if (this.#line) this.#line(line);
    else this.#write(line);
  }

  /** Nothing more is said; a terminal's line goes. */
  end(): void {
    clearTimeout(this.#timer);
    if (this.#repeat) clearInterval(this.#repeat);
    this.#line?.clear();
    this.#line?.done();
  }
}

export async function withProgress<T>(what: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = new Progress(what);
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}
