/**
 * Calls that the gate did not let in, for people: each is counted, and the log tells of them at most once a second, so that nobody fills a
 * disk by knocking.
 */
import type { Refusal } from '@segue/bus';
import type { Logger } from 'pino';
import type { Counter } from 'prom-client';

const quietMs = 1_000;

export class Refusals {
  readonly #log: Logger;
  readonly #counter: Counter;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  /** @param counter with the labels rpc and code */
  constructor(log: Logger, counter: Counter) {
    this.#log = log;
    this.#counter = counter;
  }

  readonly add = ({ rpc, peer, caller, error }: Refusal): void => {
    this.#counter.inc({ rpc, code: error.code });
    if (performance.now() - this.#toldAtMs < quietMs) {
      this.#untold += 1;
      return;
    }
    this.#toldAtMs = performance.now();
    const untold = this.#untold;
    this.#untold = 0;
    this.#log.warn({ rpc, peer, caller, code: error.code, untold }, `a call was refused: ${error.rawMessage}`);
  };
}
