/**
 * A run's problems, read from the store when an unknown one is met, and kept for the runs that were asked for last: problems never change
 * once they are submitted.
 */
import type { Client } from '@segue/bus';
import { type Problem, type ReplayApi, SegueError } from '@segue/core';

/** Runs whose problems are kept, of those that were asked for last. */
const keptRuns = 8;

type ReadsProblems = Pick<Client<ReplayApi>, 'listProblems'>;

export class Problems {
  readonly #replay: () => Promise<ReadsProblems>;
  readonly #byRun = new Map<string, ReadonlyMap<string, Problem>>();
  readonly #reading = new Map<string, Promise<ReadonlyMap<string, Problem>>>();

  constructor(replay: () => Promise<ReadsProblems>) {
    this.#replay = replay;
  }

  /** Reads a run's problems before the first of them is asked for. */
  async prepare(runId: string): Promise<void> {
    if (!this.#byRun.has(runId)) await this.#read(runId);
  }

  /** @throws SegueError NOT_FOUND */
  async get(runId: string, problemId: string): Promise<Problem> {
    const known = this.#byRun.get(runId);
    if (known !== undefined) this.#keep(runId, known);
    const found = known?.get(problemId) ?? (await this.#read(runId)).get(problemId);
    if (found === undefined) throw new SegueError('NOT_FOUND', `problem ${problemId} is not in run ${runId}`);
    return found;
  }

  /** One reading at a time per run, shared by all who wait. */
  async #read(runId: string): Promise<ReadonlyMap<string, Problem>> {
    const reading = this.#reading.get(runId) ?? this.#readAll(runId);
    this.#reading.set(runId, reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(runId);
    }
  }

  async #readAll(runId: string): Promise<ReadonlyMap<string, Problem>> {
    const replay = await this.#replay();
    const problems = new Map<string, Problem>();
    for await (const { problem } of replay.listProblems({ runId, purpose: 'train' })) problems.set(problem.id, problem);
    this.#keep(runId, problems);
    return problems;
  }

  /** As the last one asked for; the run that was asked for longest ago makes room. */
  #keep(runId: string, problems: ReadonlyMap<string, Problem>): void {
    this.#byRun.delete(runId);
    this.#byRun.set(runId, problems);
    const [oldest] = this.#byRun.keys();
    if (this.#byRun.size > keptRuns && oldest !== undefined) this.#byRun.delete(oldest);
  }
}
