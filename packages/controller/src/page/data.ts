/**
 * What the page shows, as JSON: everything is read from the store and the watchdog, nothing is changed; what is kept of large runs is in timelines.ts. Bodies are compact where
 * there are many of them, since a run has tens of thousands of segments.
 */
import {
  type EndReason,
  type ProblemRecord,
  parseTrajectoryId,
  type RunEventOf,
  type RunView,
  requireId,
  type Segment,
  SegueError,
  type StoredEvent,
  type Trajectory,
} from '@segue/core';
import { type Cluster, collect } from '../cluster.js';
import { parseProgress } from '../run-progress.js';
import type { Runs } from '../runs.js';
import type { Tokenizers } from '../tokenizers.js';
import { type PageTrajectory, Timelines } from './timelines.js';

export interface PageProblem {
  readonly id: string;
  readonly purpose: string;
  readonly prompt: string;
  readonly answer: string;
  readonly tags: readonly string[];
  readonly difficulty: number | null;
  readonly attempts: number;
  readonly successes: number;
  readonly lastIteration: number | null;
}

/** A trajectory for reading. */
export interface PageTrajectoryText {
  readonly id: string;
  readonly problemId: string;
  readonly state: string;
  readonly prompt: string;
  readonly segments: readonly PageSegmentText[];
  readonly score: Trajectory['score'];
}

export interface PageSegmentText {
  readonly index: number;
  readonly iteration: number;
  readonly policyVersion: number;
  readonly actorId: string;
  readonly endReason: EndReason;
  readonly error: string | null;
  readonly durationMs: number;
  readonly reprefilledTokens: number;
  /** One piece of text per token, so that each can show its log-prob. */
  readonly tokens: readonly string[];
  readonly logProbs: readonly number[];
}

export interface PageData {
  runs(): Promise<readonly RunView[]>;
  /** Bars of a run's trajectories in order of planning, those alone that touch the iterations `from` to `to`. */
  trajectories(runId: string, from: number, to: number): Promise<readonly PageTrajectory[]>;
  trajectory(id: string): Promise<PageTrajectoryText>;
  problems(runId: string): Promise<readonly PageProblem[]>;
}

export function pageData(cluster: Cluster, runs: Runs, tokenizers: Tokenizers): PageData {
  const timelines = new Timelines(cluster);
  return {
    runs: () => runs.list(),
    trajectories: async (runId, from, to) => {
      requireId(runId, 'run');
      const rows = await timelines.rows(runId);
      return rows.filter(({ segments }) => segments.some(([iteration]) => iteration >= from && iteration <= to));
    },
    trajectory: async (trajectoryId) => {
      requireId(trajectoryId, 'trajectory');
      const replay = await cluster.replay();
      const trajectory = await replay.getTrajectory({ trajectoryId });
      const { policy } = parseProgress(await replay.getRun({ runId: parseTrajectoryId(trajectoryId).runId }));
      if (policy === null) throw new SegueError('FAILED_PRECONDITION', `run of ${trajectoryId} has no policy yet`);
      const tokenizer = await tokenizers.of(policy);
      const decode = (tokens: Int32Array) => tokenizer.decode(tokens, { skipSpecial: false });
      return {
        id: trajectory.id,
        problemId: trajectory.problemId,
        state: trajectory.state,
        prompt: decode(trajectory.promptTokens),
        segments: trajectory.segments.map((segment) => textOf(segment, decode)),
        score: trajectory.score,
      };
    },
    problems: async (runId) => {
      requireId(runId, 'run');
      return (await collect((await cluster.replay()).listProblems({ runId, purpose: null }))).map(describeProblem);
    },
  };
}

function textOf(segment: Segment, decode: (tokens: Int32Array) => string): PageSegmentText {
  const { index, iteration, policyVersion, actorId, endReason, error, tokens, logProbs, meter } = segment;
  return {
    index,
    iteration,
    policyVersion,
    actorId,
    endReason,
    error,
    durationMs: meter.endedAtMs - meter.startedAtMs,
    reprefilledTokens: meter.reprefillTokens,
    tokens: pieces(tokens, decode),
    logProbs: [...logProbs],
  };
}

/** Tokens that a character may be spread over at most: one per byte. */
const longestCharacter = 4;

/**
 * The text of each token. A character may be spread over several tokens, and what a token says may depend on the one before it: each is read
 * together with the piece before, and a token that ends inside a character says nothing until the character is whole. Together the pieces are the text.
 */
export function pieces(tokens: Int32Array, decode: (tokens: Int32Array) => string): string[] {
  const result: string[] = [];
  let contextStart = 0;
  let pieceStart = 0;
  for (let end = 1; end <= tokens.length; end++) {
    const context = decode(tokens.subarray(contextStart, pieceStart));
    const text = decode(tokens.subarray(contextStart, end));
    if (text.endsWith('\ufffd') && end < tokens.length && end - pieceStart < longestCharacter) {
      result.push('');
      continue;
    }
    result.push(text.slice(context.length));
    contextStart = pieceStart;
    pieceStart = end;
  }
  return result;
}

function describeProblem({ problem, attempts, successes, lastIteration }: ProblemRecord): PageProblem {
  const { id, purpose, answer, tags, difficulty } = problem;
  const prompt = typeof problem.prompt === 'string' ? problem.prompt : JSON.stringify(problem.prompt);
  return { id, purpose, prompt, answer, tags, difficulty, attempts, successes, lastIteration };
}

/** An event as watchers read it. */
export function pageEvent({ sequence, kind, bodyJson, atMs }: StoredEvent): Pick<RunEventOf, 'sequence' | 'atMs'> & {
  readonly kind: string;
  readonly body: unknown;
} {
  return { sequence, kind, atMs, body: JSON.parse(bodyJson) };
}
