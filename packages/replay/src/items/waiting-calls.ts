/**
 * Calls that wait for their turn, in the order in which they came, each until it is served, its time is over, or its caller leaves. Bounded. It knows
 * nothing of what they wait for.
 */
import { SegueError } from '@segue/core';

/** One call on its way. */
export interface WaitingCall<Request, Answer> {
  readonly request: Request;
  /** 0: it is refused unless its first turn serves it. */
  readonly waitMs: number;
  /** When it first had to wait; null while it has not. */
  blockedAtMs: number | null;
  /** Its time was over while a turn was on its way, which may serve it still. */
  isLate: boolean;
  /** Ends the wait, once. */
  readonly answer: (answer: Answer) => void;
  readonly refuse: (error: SegueError) => void;
}

export interface WaitOptions {
  /** 0: not at all. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class WaitingCalls<Request, Answer> {
  readonly #calls = new Set<WaitingCall<Request, Answer>>();
  readonly #what: string;
  readonly #maxCalls: number;
  readonly #timedOut: (call: WaitingCall<Request, Answer>) => void;

  /** @param timedOut decides what a call hears whose time is over */
  constructor(what: string, maxCalls: number, timedOut: (call: WaitingCall<Request, Answer>) => void) {
    this.#what = what;
    this.#maxCalls = maxCalls;
    this.#timedOut = timedOut;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** The one that came first. */
  get head(): WaitingCall<Request, Answer> | undefined {
    return this.#calls.values().next().value;
  }

  /** Puts a call in line. */
  add(request: Request, { waitMs, signal }: WaitOptions): Promise<Answer> {
    if (this.#calls.size >= this.#maxCalls) {
      const message = `${this.#what}: ${this.#maxCalls} calls wait already, its maxWaitingCalls: try again later`;
      return Promise.reject(new SegueError('RESOURCE_EXHAUSTED', message));
    }
    return new Promise<Answer>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const leave = () => {
        this.#calls.delete(call);
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      };
      const call: WaitingCall<Request, Answer> = {
        request,
        waitMs,
        blockedAtMs: null,
        isLate: false,
        answer: (answer) => {
          leave();
          resolve(answer);
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
      };
      const cancel = () => call.refuse(new SegueError('CANCELLED', `${this.#what}: the caller left`));
      if (signal?.aborted) return cancel();
      this.#calls.add(call);
      signal?.addEventListener('abort', cancel, { once: true });
      if (waitMs > 0) timer = setTimeout(() => this.#timedOut(call), waitMs);
    });
  }

  /** Takes a call out of the line; it is to be answered or refused still. */
  remove(call: WaitingCall<Request, Answer>): void {
    this.#calls.delete(call);
  }

  /** Every call that is in line now has to wait. */
  markBlocked(nowMs: number): void {
    for (const call of this.#calls) call.blockedAtMs ??= nowMs;
  }

  /** Ends the calls that would not wait: their turn has come and gone. */
  endImpatient(): void {
    for (const call of [...this.#calls]) if (call.waitMs === 0) this.#timedOut(call);
  }

  /** Ends the calls whose time was over before the turn that has gone. */
  endLate(): void {
    for (const call of [...this.#calls]) if (call.isLate) this.#timedOut(call);
  }

  refuseAll(error: SegueError): void {
    for (const call of [...this.#calls]) call.refuse(error);
  }
}

/** What a call hears that waited in vain, or would not wait. */
export function timeoutCode({ waitMs }: Pick<WaitOptions, 'waitMs'>): 'RESOURCE_EXHAUSTED' | 'DEADLINE_EXCEEDED' {
  return waitMs === 0 ? 'RESOURCE_EXHAUSTED' : 'DEADLINE_EXCEEDED';
}
