/** A run's problems, read from the store when an unknown one is met and kept: problems never change once they are submitted. */
import type { Client } from '@segue/bus';
import { type Problem, type ReplayApi, SegueError } from '@segue/core';

type ReadsProblems = Pick<Client<ReplayApi>, 'listProblems'>;

export class Problems {
  readonly #replay: () => Promise<ReadsProblems>;
  readonly #byRun = new Map<string, Map<string, Problem>>();
  readonly #reading = new Map<string, Promise<void>>();

  constructor(replay: () => Promise<ReadsProblems>) {
    this.#replay = replay;
  }

  /** @throws SegueError NOT_FOUND */
  async get(runId: string, problemId: string): Promise<Problem> {
    const known = this.#byRun.get(runId)?.get(problemId);
    if (known !== undefined) return known;
    await this.#read(runId);
    const found = this.#byRun.get(runId)?.get(problemId);
    if (found === undefined) throw new SegueError('NOT_FOUND', `problem ${problemId} is not in run ${runId}`);
    return found;
  }

  /** One reading at a time per run, shared by all who wait. */
  async #read(runId: string): Promise<void> {
    const reading = this.#reading.get(runId) ?? this.#readAll(runId);
    this.#reading.set(runId, reading);
    try {
      await reading;
    } finally {
      this.#reading.delete(runId);
    }
  }

  async #readAll(runId: string): Promise<void> {
    const replay = await this.#replay();
    const problems = new Map<string, Problem>();
    for await (const { problem } of replay.listProblems({ runId, purpose: 'train' })) problems.set(problem.id, problem);
    this.#byRun.set(runId, problems);
  }
}
