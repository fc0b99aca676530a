/** What a rollout loop is made with, and whom it tells what. */
import type { Bus } from '@segue/bus';
import type { RolloutTask, SegueError, SequenceRequest } from '@segue/core';
import type { Lane } from './lane.js';
import type { PrefixReader } from './prefix-reader.js';
import type { SegmentOutbox } from './segment-outbox.js';
import type { ReturnReason } from './task-rules.js';

/** What a sequence needs beside its task. */
export interface SequenceRules {
  readonly stopTokens: readonly number[];
  readonly repeat: SequenceRequest['repeat'];
  /** Losses alone after which a task is taken to kill its actors. */
  readonly maxAttempts: number;
}

export interface RolloutLoopOptions {
  readonly actorId: string;
  readonly bus: Pick<Bus, 'takeRolloutTasks' | 'markLostTries' | 'lostTries'>;
  readonly outbox: SegmentOutbox;
  /** The lane is woken when a task is ready for it. */
  readonly lane: () => Lane;
  readonly prefixes: PrefixReader;
  readonly rules: (runId: string) => Promise<SequenceRules>;
  readonly onReturned?: (task: RolloutTask, reason: ReturnReason, detail: string) => void;
  /** The bus could not be asked for tasks. */
  readonly onTakeFailure?: (error: SegueError) => void;
  /** The engine cannot generate for a run, which was not known. */
  readonly onRefused?: (runId: string, error: SegueError) => void;
  /** Called when all of an iteration is flushed. */
  readonly onFlushed?: (iteration: number) => void;
  /** Of a clock that never jumps. */
  readonly nowMs: () => number;
}
