/** A running rollout loop with its lanes, over the fakes. */
import type { Trajectory } from '@segue/core';
import { Lanes } from '../../dist/lanes.js';
import { PrefixReader } from '../../dist/prefix-reader.js';
import { RolloutLoop } from '../../dist/rollout-loop.js';
import { SegmentOutbox } from '../../dist/segment-outbox.js';
import type { Gate, ReturnReason } from '../../dist/task-rules.js';
import { FakeBus, FakeEngine, settle, storedTrajectory, until } from './fakes.js';

export interface Setting {
  readonly slots?: number;
  readonly read?: (id: string) => Promise<Trajectory>;
  readonly engineTimeoutMs?: number;
  /** How long the outbox tries. */
  readonly patienceMs?: number;
  /** How long a load waits for evaluations. */
  readonly evaluationGraceMs?: number;
  readonly idleReleaseMs?: number;
  /** Makes an engine ready, by its place among those that were made. */
  readonly prepare?: (engine: FakeEngine, place: number) => unknown;
}

/** A running loop over fakes, serving version 5 of run r. */
export async function startLoop(
  t: { teardown(end: () => Promise<void>): void },
  {
    slots = 4,
    read,
    engineTimeoutMs = 60_000,
    patienceMs = 5_000,
    evaluationGraceMs = 60_000,
    idleReleaseMs = 50,
    prepare,
  }: Setting = {},
) {
  const bus = new FakeBus();
  const engines: FakeEngine[] = [];
  const returned: ReturnReason[] = [];
  /** What was said of what was returned, where anything was. */
  const details: string[] = [];
  const flushed: number[] = [];
  /** Runs that the engine cannot generate for. */
  const refused: string[] = [];
  /** What the lane said of its engines. */
  const failures: string[] = [];
  const clock = { nowMs: 0 };
  const reads: string[] = [];
  /** Runs whose rules were asked for. */
  const ruled: string[] = [];
  const outbox = new SegmentOutbox({
    bus,
    patienceMs,
    onPublished: () => undefined,
    onFailure: () => undefined,
  });
  const loop: RolloutLoop = new RolloutLoop({
    actorId: 'a',
    bus,
    outbox,
    lane: () => lanes.rollout,
    prefixes: new PrefixReader(async (id) => {
      reads.push(id);
      return read ? read(id) : storedTrajectory(id);
    }),
    rules: async (runId) => {
      ruled.push(runId);
      return { stopTokens: [2], repeat: null, maxAttempts: 3 };
    },
    onReturned: (_, reason, detail) => {
      returned.push(reason);
      if (detail !== '') details.push(detail);
    },
    onRefused: (runId) => refused.push(runId),
    onFlushed: (iteration) => flushed.push(iteration),
    nowMs: () => clock.nowMs,
  });
  const lanes = new Lanes({
    createEngine: () => {
      const engine = new FakeEngine(slots);
      prepare?.(engine, engines.length);
      engines.push(engine);
      return engine;
    },
    engineTimeoutMs,
    backOff: { maxFailures: 4, firstMs: 1, longestMs: 2 },
    rollouts: loop,
    idleReleaseMs,
    evaluationGraceMs,
    onIdle: () => undefined,
    onChunk: (report, works) => loop.noteChunk(report, works),
    onFailure: (error, fate) => failures.push(fate === 'lost' ? `broken: ${error.rawMessage}` : error.rawMessage),
  });
  await lanes.rollout.start();
  await lanes.rollout.load({ runId: 'r', version: 5, folder: 'x', manifestSha256: '' });
  loop.start();
  t.teardown(async () => {
    for (const engine of engines) engine.free = true;
    await loop.drain();
    // An engine that hangs cannot be stopped.
    await lanes.stop().catch(() => undefined);
  });
  return {
    bus,
    engine: engines[0]!,
    engines,
    lanes,
    loop,
    outbox,
    returned,
    details,
    flushed,
    failures,
    clock,
    reads,
    ruled,
    refused,
  };
}

/**
 * Opens the iteration and waits until `count` sequences have joined; no token is generated before the test lets a chunk
 * run.
 */
export async function fill({ engine, loop }: { engine: FakeEngine; loop: RolloutLoop }, count: number): Promise<void> {
  const { chunkTokens } = engine;
  engine.chunkTokens = 0;
  await loop.follow(open);
  await until(() => engine.running.size === count, `${count} sequences run`);
  engine.free = false;
  await settle();
  engine.chunkTokens = chunkTokens;
}

export const open: Gate = { runId: 'r', iteration: 3, policyVersion: 5, open: true };
export const closed: Gate = { ...open, open: false };
