/**
 * How many responses evaluations may hold in memory: each one alone, and all calls of Evaluate that are under way together. A run's own evaluations are bound
 * alone and wait for nobody: one run is executed at a time. It knows nothing of what is evaluated.
 */
import { SegueError } from '@segue/core';

/** What is said when an evaluation is too large: whose fault it is, and what to do. */
export interface EvaluationRefusal {
  readonly code: 'INVALID_INPUT' | 'INVALID_CONFIG';
  readonly advice: string;
}

/** After which a call that found no room may be repeated. */
const retryAfterMs = 5_000;

export class EvaluationBound {
  readonly #maxResponses: number;
  #underWay = 0;

  /** @param maxResponses problems times samples */
  constructor(maxResponses: number) {
    this.#maxResponses = maxResponses;
  }

  /** Throws when an evaluation is larger than any may be. */
  require(problems: number, samples: number, { code, advice }: EvaluationRefusal): void {
    if (problems * samples <= this.#maxResponses) return;
    throw new SegueError(
      code,
      `${problems} problems with ${samples} samples each are more than ${this.#maxResponses} responses ` +
        `(maxEvaluationResponses): ${advice}`,
    );
  }

  /** Does the work of a call. @throws RESOURCE_EXHAUSTED, with a delay, while other calls leave it no room */
  async during<T>(responses: number, work: () => Promise<T>): Promise<T> {
    if (this.#underWay + responses > this.#maxResponses) {
      throw new SegueError(
        'RESOURCE_EXHAUSTED',
        `evaluations of ${this.#underWay} responses are under way, and with ${responses} more there would be more than ` +
          `${this.#maxResponses} (maxEvaluationResponses): ask again when they have ended`,
        undefined,
        retryAfterMs,
      );
    }
    this.#underWay += responses;
    try {
      return await work();
    } finally {
      this.#underWay -= responses;
    }
  }
}
