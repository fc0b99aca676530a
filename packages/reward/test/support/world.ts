/** The reward service's worker between a real nats-server and a store that is a fake of a few lines. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus } from '@segue/bus';
import { type Problem, type ScoreStatus, type Segment, SegueError, type Trajectory } from '@segue/core';
import { builtInScorers, Pool, Problems, Tokenizers, type WorkParts, workOnRewards } from '@segue/reward';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';
import type { Test } from 'tap';
import { startNats } from '../../../../test/support/nats.js';

export const tokenizer = createCharacterTokenizer('0123456789#;:s');
export const rules = { timeoutMs: 5_000, maxAttempts: 3 };

export function problem(id: string, changes: Partial<Problem> = {}): Problem {
  return {
    id,
    purpose: 'train',
    prompt: 's1:',
    promptTokens: tokenizer.encode('s1:'),
    answer: '42',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response: null,
    ...changes,
  };
}

/** A finished trajectory whose response lies in two segments, cut in the middle of its answer. */
export function trajectory(id: string, problemId: string, response: string): Trajectory {
  const tokens = tokenizer.encode(response);
  const parts = [tokens.slice(0, -1), Int32Array.from([...tokens.slice(-1), tokenizer.special.eos ?? 0])];
  const segments = parts.map((part) => ({ tokens: part }) as Partial<Segment> as Segment);
  return {
    id,
    groupId: 'run-g0',
    problemId,
    promptTokens: tokenizer.encode('s1:'),
    state: 'finished',
    segments,
    score: null,
  };
}

/** A store that knows some problems and trajectories. */
export class FakeStore {
  readonly problems: Problem[] = [problem('p0')];
  readonly trajectories = new Map<string, Trajectory>();
  readings = 0;
  failures = 0;

  add(index: number, response: string, problemId = 'p0'): string {
    const id = `run-g0-t${index}`;
    this.trajectories.set(id, trajectory(id, problemId, response));
    return id;
  }

  async getTrajectory({ trajectoryId }: { trajectoryId: string }): Promise<Trajectory> {
    if (this.failures-- > 0) throw new SegueError('UNAVAILABLE', 'the store is away');
    const found = this.trajectories.get(trajectoryId);
    if (found === undefined) throw new SegueError('NOT_FOUND', `trajectory ${trajectoryId} was never planned`);
    return found;
  }

  async *listProblems() {
    this.readings++;
    for (const item of this.problems) {
      yield {
        problem: item,
        attempts: 0,
        successes: 0,
        openGroups: 1,
        lastIteration: 0,
        givenUp: false,
        requeued: false,
      };
    }
  }
}

export interface World {
  readonly bus: Bus;
  readonly store: FakeStore;
  readonly outcomes: string[];
  /** Publishes tasks and collects their verdicts. */
  readonly score: (ids: readonly string[]) => Promise<Map<string, [ScoreStatus, number | null]>>;
}

export async function newWorld(t: Test, changes: Partial<WorkParts> = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'segue-reward-'));
  const nats = await startNats();
  const bus = await connectBus({ url: nats.url, name: 'test', rewardLeaseMs: 1_000 });
  await bus.setUp();
  const policy = join(folder, 'policy');
  await saveTokenizer(tokenizer, policy);
  await bus.putActivePolicy({ runId: 'run', version: 3, manifestSha256: '', folder: policy, trainerAddress: '' });
  const store = new FakeStore();
  const outcomes: string[] = [];
  const stop = new AbortController();
  const replay = async () => store;
  const working = workOnRewards(
    {
      bus,
      replay,
      problems: new Problems(replay),
      tokenizers: new Tokenizers({ bus, trainer: () => Promise.reject(new Error('not asked')), folder }),
      scorers: builtInScorers,
      rules,
      patienceMs: 60_000,
      pool: new Pool(4),
      onTask: (outcome) => outcomes.push(outcome),
      ...changes,
    },
    stop.signal,
  );
  t.teardown(async () => {
    stop.abort();
    await working;
    await bus.close();
    await nats.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const score: World['score'] = async (ids) => {
    const verdicts = new Map<string, [ScoreStatus, number | null]>();
    await bus.publishRewardTasks(ids.map((trajectoryId) => ({ runId: 'run', trajectoryId, attempt: 0 })));
    const listening = new AbortController();
    for await (const lease of bus.consumeScores({ signal: listening.signal })) {
      const { trajectoryId, status, reward } = lease.value.score;
      // A task whose lease ran out on a busy machine is judged once more: a verdict that was asked for before may come again.
      if (ids.includes(trajectoryId)) verdicts.set(trajectoryId, [status, reward]);
      await lease.ack();
      if (verdicts.size === ids.length) break;
    }
    listening.abort();
    return verdicts;
  };
  return { bus, store, outcomes, score };
}
