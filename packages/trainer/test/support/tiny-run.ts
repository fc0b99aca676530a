/**
 * A run small enough for a test: tiny policy, problems that ask for a letter to be repeated, and a replay store of a
 * dozen lines.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CompleteGroup,
  type IterationRecord,
  type Problem,
  type ProblemRecord,
  parseRunConfig,
  type ReplayStatistics,
  type RunConfig,
  type RunConfigInput,
  type Segment,
  SegueError,
  type Trajectory,
  type TrajectorySummary,
  trajectoryId,
} from '@segue/core';
import { createMetrics } from '@segue/service';
import { createCharacterTokenizer } from '@segue/tokenizer';
import { defineTrainerMetrics } from '../../dist/metrics.js';
import { type ReplayReader, Trainer, type TrainerOptions } from '../../dist/trainer.js';

export const characters = 'abcdefgh:';
export const tokenizer = createCharacterTokenizer(characters);

export function tinyConfig(input: RunConfigInput = {}): RunConfig {
  const model = { hiddenSize: 16, layers: 1, heads: 2, keyValueHeads: 1, headSize: 8, intermediateSize: 24 };
  const base: RunConfigInput = {
    seed: 5,
    policy: { characters, model: { ...model, maxContextTokens: 64 } },
    rollout: { maxPromptTokens: 8, maxResponseTokens: 32, tokenBudget: 16, groupSize: 2 },
  };
  return parseRunConfig({ ...base, ...input }, 'test');
}

/** `a:` is answered by `aaa`. */
export function warmupProblems(count: number): Problem[] {
  return Array.from({ length: count }, (_, i) => {
    const letter = characters[i % 8]!;
    return {
      id: `w${i}`,
      purpose: 'warmup',
      prompt: `${letter}:`,
      promptTokens: tokenizer.encode(`${letter}:`, { addSpecialTokens: true }),
      answer: letter,
      scorer: 'exact',
      tags: [],
      difficulty: null,
      metadata: {},
      response: letter.repeat(3 + (i % 3)),
    };
  });
}

export interface SegmentInput {
  readonly text: string;
  readonly version: number;
  /** Behaviour log-prob of every token. */
  readonly logProb?: number;
}

/** A judged response to `a:`, in segments; iteration = version. */
export function trajectory(id: string, reward: number | null, inputs: readonly SegmentInput[]): Trajectory {
  const segments = inputs.map(({ text, version, logProb = -2 }, index): Segment => {
    const tokens = tokenizer.encode(text);
    return {
      id: `${id}-s${index}`,
      trajectoryId: id,
      index,
      attempt: 0,
      iteration: version,
      policyVersion: version,
      actorId: 'actor-1',
      prefixHash: '',
      tokens,
      logProbs: new Float32Array(tokens.length).fill(logProb),
      origins: null,
      lossMask: null,
      endReason: index === inputs.length - 1 ? 'stop' : 'budget',
      error: null,
      meter: { promptTokens: 0, reprefillTokens: 0, startedAtMs: 0, endedAtMs: 0 },
    };
  });
  const status = reward === null ? 'error' : reward > 0 ? 'ok' : 'wrong';
  return {
    id,
    groupId: id.replace(/-t\d+$/, ''),
    problemId: 'p',
    promptTokens: tokenizer.encode('a:', { addSpecialTokens: true }),
    state: reward === null ? 'failed' : 'scored',
    segments,
    score: { trajectoryId: id, scorer: 'exact', status, reward, detail: '', durationMs: 0 },
  };
}

export function group(
  runId: string,
  index: number,
  members: (readonly [number | null, readonly SegmentInput[]])[],
): CompleteGroup {
  const id = `${runId}-g${index}`;
  return {
    group: { id, runId, index, problemId: 'p', size: members.length, iteration: 0 },
    trajectories: members.map(([reward, inputs], i) => trajectory(trajectoryId(id, i), reward, inputs)),
  };
}

/** Four groups of two: `aaa` is right, `bcd` is wrong. */
export function batch(runId: string, version = 0): CompleteGroup[] {
  return Array.from({ length: 4 }, (_, i) =>
    group(runId, i, [
      [
        1,
        [
          { text: 'aa', version },
          { text: 'a', version },
        ],
      ],
      [0, [{ text: 'bcd'.slice(0, 1 + (i % 3)), version }]],
    ]),
  );
}

/** What the trainer reads of the store. */
export class FakeReplay implements ReplayReader {
  config: RunConfig;
  problems: Problem[] = [];
  /** First iteration of each unfinished trajectory. */
  unfinishedSince: number[] = [];
  /** While a snapshot is being taken. */
  heldFromIteration: number | null = null;
  /** Once its copy is made. */
  heldToIteration: number | null = null;
  batches = new Map<number, { readonly policyVersion: number; readonly groups: CompleteGroup[] }>();

  constructor(config: RunConfig) {
    this.config = config;
  }

  async getRun({ runId }: { runId: string }) {
    return { ...emptyRun, id: runId, configJson: JSON.stringify(this.config) };
  }

  async listRuns() {
    return { runs: [] };
  }

  async getStatistics() {
    const { heldFromIteration, heldToIteration } = this;
    return { ...emptyStatistics, heldFromIteration, heldToIteration };
  }

  async getIteration({ runId, iteration }: { runId: string; iteration: number | null }): Promise<IterationRecord> {
    const number = iteration ?? Math.max(0, ...this.batches.keys());
    const found = this.batches.get(number);
    const common = { ...emptyIteration, runId, iteration: number };
    if (!found) return { ...common, state: 'open' };
    const batchGroupIds = found.groups.map((one) => one.group.id);
    const { policyVersion } = found;
    const policyVersionOut = this.batches.get(number + 1)?.policyVersion;
    if (policyVersionOut === undefined) {
      return { ...common, state: 'frozen', policyVersion, policyVersionOut: policyVersion, batchGroupIds };
    }
    return { ...common, state: 'committed', policyVersion, policyVersionOut, batchGroupIds };
  }

  async *listIterations({ runId, fromIteration }: { runId: string; fromIteration: number }) {
    for (const [iteration] of this.batches) {
      if (iteration >= fromIteration) yield await this.getIteration({ runId, iteration });
    }
  }

  async *listUnfinished(): AsyncGenerator<TrajectorySummary> {
    for (const firstIteration of this.unfinishedSince) yield { ...emptySummary, firstIteration };
  }

  async *listProblems(): AsyncGenerator<ProblemRecord> {
    for (const problem of this.problems) {
      yield { problem, attempts: 0, successes: 0, openGroups: 0, lastIteration: null, givenUp: false, requeued: false };
    }
  }

  async *streamCompleteGroups({ iteration }: { iteration: number | null }): AsyncGenerator<CompleteGroup> {
    const found = this.batches.get(iteration ?? -1);
    if (!found) throw new SegueError('NOT_FOUND', 'no batch');
    yield* found.groups;
  }
}

const emptyRun = {
  state: 'running',
  createdAtMs: 0,
  revision: 1,
  error: '',
  progressJson: '{}',
  trainProblems: 0,
  evaluationProblems: 0,
  warmupProblems: 0,
} as const;

const emptyStatistics: ReplayStatistics = {
  trajectoriesByState: {},
  segmentsByEndReason: {},
  appendsByOutcome: {},
  groupsOpen: 0,
  groupsComplete: 0,
  groupsConsumed: 0,
  groupsFiltered: 0,
  finished: 0,
  spanning: 0,
  generatedTokens: 0,
  reprefilledTokens: 0,
  promptTokens: 0,
  bytesOnDisk: 0,
  deadLettersByKind: {},
  runsRetired: 0,
  heldFromIteration: null,
  heldToIteration: null,
};

const emptySummary: TrajectorySummary = {
  id: 'r-g0-t0',
  groupId: 'r-g0',
  problemId: 'p',
  state: 'unfinished',
  segmentCount: 1,
  responseTokens: 4,
  firstIteration: 0,
  lastIteration: 0,
  endReason: 'budget',
  errors: 0,
  reward: null,
};

const emptyIteration = {
  policyVersion: 0,
  policyVersionOut: 0,
  tasks: [],
  progress: {
    committedTasks: 0,
    openTrajectoryIds: [],
    completeGroups: 0,
    usefulGroups: 0,
    usefulGroupsInOrder: 0,
    awaitingScore: 0,
    generatedTokens: 0,
    reprefilledTokens: 0,
    promptTokens: 0,
    segmentsByEndReason: {},
    segmentsByActor: {},
    finishedTrajectories: 0,
    spanningTrajectories: 0,
    rewardSum: 0,
    judged: 0,
    responseTokens: new Uint32Array(0),
  },
  batchGroupIds: [],
  filteredEqual: 0,
  filteredUnusable: 0,
  metricsJson: '',
  openedAtMs: 0,
  closedAtMs: 0,
  committedAtMs: 0,
};

/** A trainer in a temporary folder, both gone after the test. */
export async function startTrainer(
  t: { teardown(end: () => Promise<void>): void },
  config: RunConfig,
  folder?: string,
  { keepVersions = 2, ...more }: Partial<Pick<TrainerOptions, 'pinned' | 'agent'>> & { keepVersions?: number } = {},
): Promise<{ trainer: Trainer; replay: FakeReplay; folder: string; warnings: string[] }> {
  const dataFolder = folder ?? (await mkdtemp(join(tmpdir(), 'segue-trainer-')));
  const replay = new FakeReplay(config);
  const warnings: string[] = [];
  const trainer = new Trainer({
    config: {
      dataFolder,
      sharedFolder: null,
      checkpointsFolder: null,
      threads: 1,
      device: 'cpu',
      precision: 'float32',
      engineTimeoutMs: 60_000,
      keepVersions,
    },
    log: { info: () => undefined, warn: (_: object, message: string) => warnings.push(message) },
    metrics: defineTrainerMetrics(createMetrics('trainer', 'test')),
    replay: async () => replay,
    pinned: async () => new Set(),
    agent: null,
    onHang: () => undefined,
    ...more,
  });
  t.teardown(async () => {
    await trainer.stop();
    await rm(dataFolder, { recursive: true, force: true });
  });
  return { trainer, replay, folder: dataFolder, warnings };
}
