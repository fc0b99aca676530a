/**
 * The reward queue: takes tasks as places in the pool get free, judges, publishes the verdict, and only then acknowledges. What cannot be
 * read now (a peer is down) goes back to the queue; what cannot be read at all, or was delivered many times and killed the scorer each time, is
 * answered with an error, so that nothing waits for ever: so is what waits for a scorer that stays away. Only a task for a trajectory that nobody knows is thrown away.
 */
import { type Bus, type Client, type Lease, traced } from '@segue/bus';
import { promptText, type ReplayApi, type RewardTask, type Score, type ScoreStatus, SegueError } from '@segue/core';
import type { JudgeRules } from './judge.js';
import { judge } from './judge.js';
import type { Pool } from './pool.js';
import type { Problems } from './problems.js';
import type { Scorers } from './scorers/index.js';
import type { Tokenizers } from './tokenizers.js';

/** Tasks in hand per place in the pool, while there are plenty: reading a trajectory and sending its verdict takes longer than most judging. */
const tasksPerPlace = 4;
/** Longest wait for a task at a time, in ms. */
const takeMs = 1_000;
/** Pause before a task whose data could not be read comes again, in ms; doubles with each delivery up to the longest. */
const retryMs = 1_000;
const maxRetryMs = 30_000;
/** Scorers lost with a task in hand after which the task is held to be what kills them; the queue itself gives up a little later. */
const maxLost = 15;

export interface WorkParts {
  readonly bus: Pick<Bus, 'takeRewardTasks' | 'publishScore'>;
  readonly replay: () => Promise<Pick<Client<ReplayApi>, 'getTrajectory'>>;
  readonly problems: Problems;
  readonly tokenizers: Pick<Tokenizers, 'get'>;
  readonly scorers: Scorers;
  readonly rules: JudgeRules;
  /** How long a task waits in the queue for a scorer that is away, in ms; then its verdict is an error. */
  readonly patienceMs: number;
  /** Where responses are judged, so many at once. */
  readonly pool: Pool;
  /** Told how many tasks are in hand, whenever that changes. */
  readonly onInHand?: (tasks: number) => void;
  /** Told of each verdict, before it is published. */
  readonly onVerdict?: (score: Score) => void;
  /** Told of each task: the verdict's status, or what else became of it. */
  readonly onTask: (
    outcome: ScoreStatus | 'returned' | 'discarded' | 'not-needed',
    durationMs: number,
    why: string,
  ) => void;
}

/** Works until `signal` fires; tasks in hand are finished or given back first. */
export async function workOnRewards(parts: WorkParts, signal: AbortSignal): Promise<void> {
  const inHand = new Set<Promise<void>>();
  const portion = parts.pool.places;
  // Beyond one for each place only while there are plenty, so that scorers share a short queue.
  let limit = portion;
  try {
    while (!signal.aborted) {
      // Asks for the store first: a task that is taken can then be done.
      await parts.replay();
      const wanted = Math.min(portion, limit - inHand.size);
      const leases = await parts.bus.takeRewardTasks(wanted, { waitMs: takeMs, signal });
      limit = leases.length === wanted ? tasksPerPlace * portion : portion;
      for (const lease of leases) {
        const handling: Promise<void> = handle(parts, lease, signal).finally(() => {
          inHand.delete(handling);
          parts.onInHand?.(inHand.size);
        });
        inHand.add(handling);
        parts.onInHand?.(inHand.size);
      }
      const room = limit > portion ? Math.ceil(portion / 4) : 1;
      while (inHand.size > limit - room) await Promise.race(inHand);
    }
  } finally {
    await Promise.all(inHand);
  }
}

async function handle(parts: WorkParts, lease: Lease<RewardTask>, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const renewal = setInterval(() => lease.extend(), lease.leaseMs / 3);
  const report = (outcome: Parameters<WorkParts['onTask']>[0], why: string) =>
    parts.onTask(outcome, performance.now() - startedAt, why);
  try {
    const { runId, trajectoryId } = lease.value;
    const span = { name: 'score', kind: 'consumer', attributes: { 'segue.trajectory': trajectoryId } } as const;
    const score = await traced({ ...span, parent: lease.trace ?? null }, async () => {
      const verdict = await scoreTask(parts, lease, signal);
      if (verdict === null) return null;
      parts.onVerdict?.(verdict);
      // However often the task is delivered, its verdict counts once.
      await parts.bus.publishScore(runId, { ...verdict, attempt: lease.value.attempt });
      return verdict;
    });
    await lease.ack();
    report(score?.status ?? 'not-needed', score?.detail ?? '');
  } catch (error) {
    const failure = SegueError.from(error);
    if (failure.code === 'NOT_FOUND' || failure.code === 'INVALID_INPUT') {
      await lease.discard(failure.message).catch(() => lease.giveBack(retryMs));
      report('discarded', failure.rawMessage);
      return;
    }
    lease.giveBack(pauseAfter(lease.deliveryCount));
    report('returned', failure.rawMessage);
  } finally {
    clearInterval(renewal);
  }
}

/** Time until a task comes again that was given back at this delivery, in ms. */
function pauseAfter(delivery: number): number {
  return Math.min(maxRetryMs, retryMs * 2 ** (delivery - 1));
}

/** How long a task has waited in the queue when it is delivered for this time, in ms, if it was given back each time before. */
function waitedMs(delivery: number): number {
  let waited = 0;
  for (let before = 1; before < delivery; before++) waited += pauseAfter(before);
  return waited;
}

/** The verdict on a task; null when the trajectory has one already. */
async function scoreTask(parts: WorkParts, lease: Lease<RewardTask>, signal: AbortSignal): Promise<Score | null> {
  const { runId, trajectoryId } = lease.value;
  const replay = await parts.replay();
  const { state, problemId, segments } = await replay.getTrajectory({ trajectoryId }, { signal });
  if (state !== 'finished') return null;
  const startedAt = performance.now();
  let scorerName = '';
  const failed = (detail: string): Score => ({
    trajectoryId,
    scorer: scorerName,
    status: 'error',
    reward: null,
    detail,
    durationMs: performance.now() - startedAt,
  });
  const lost = await lostTries(lease);
  if (lost >= maxLost) {
    const problem = await parts.problems.get(runId, problemId).catch(() => null);
    scorerName = problem?.scorer ?? '';
    return failed(`given up: lost ${lost} times in the hands of a scorer; it seems to kill them`);
  }
  try {
    const problem = await parts.problems.get(runId, problemId);
    scorerName = problem.scorer;
    const mayWait = waitedMs(lease.deliveryCount) < parts.patienceMs;
    const scorer = parts.scorers.get(problem.scorer);
    if (scorer === undefined) {
      // Known when the problem was submitted: it may register again, and another service may know it.
      const why = `this service has no scorer ${JSON.stringify(problem.scorer)}`;
      if (mayWait) throw new SegueError('UNAVAILABLE', why);
      return failed(why);
    }
    const requireHere = () => {
      const why = scorer.whyAway?.() ?? null;
      if (why !== null && mayWait) throw new SegueError('UNAVAILABLE', why);
    };
    requireHere();
    const tokenizer = await parts.tokenizers.get(runId);
    const tokens = segments.flatMap((segment) => [...segment.tokens]);
    const request = {
      id: trajectoryId,
      scorer: problem.scorer,
      prompt: promptText(problem.prompt),
      response: tokenizer.decode(tokens, { skipSpecial: true }),
      answer: problem.answer,
      metadata: problem.metadata,
    };
    const score = await parts.pool.run(() => judge(scorer, request, parts.rules, signal));
    // It may have gone while it was asked: without a word, when a deadline passed.
    if (score.status === 'error' || score.status === 'timeout') requireHere();
    return score;
  } catch (error) {
    const failure = SegueError.from(error);
    // Another delivery may find what this one did not; the rest is a failure, which the store has tried again a few times.
    if (failure.retryable || signal.aborted) throw failure;
    return failed(failure.rawMessage);
  }
}

/** Tries that ended without a verdict or a give-back; asked for only when there could be too many. A server that does not answer condemns nobody. */
async function lostTries(lease: Lease<RewardTask>): Promise<number> {
  return lease.deliveryCount > maxLost ? lease.lostDeliveries().catch(() => 0) : 0;
}
