/** What a lane is made with, and whom it tells what. */
import type { ChunkReport, Engine, SegueError } from '@segue/core';
import type { BackOff } from './back-off.js';
import type { LaneWork, WorkSource } from './lane-work.js';

export interface LaneOptions {
  readonly createEngine: () => Engine;
  /** Longest time for one call of the engine, in ms. */
  readonly engineTimeoutMs: number;
  /** Left out: as in `defaultBackOff`. */
  readonly backOff?: BackOff;
  /** Asked in this order. */
  readonly sources: readonly WorkSource[];
  /** After every chunk, before its finished sequences are handed back. @param works what held a slot in it */
  readonly onChunk?: (report: ChunkReport, works: readonly LaneWork[]) => void;
  /** After every stretch without anything to run. */
  readonly onIdle?: (durationMs: number) => void;
  /** How long the lane stays without work, in ms; then it ends and calls `onExpire`. Left out: for ever. */
  readonly idleReleaseMs?: number;
  readonly onExpire?: () => void;
  /** The engine failed and is replaced, or it hangs or keeps failing (`broken`): the lane is of no use any more. */
  readonly onFailure?: (error: SegueError, broken: boolean) => void;
  /** Another engine has taken the place of one that failed. */
  readonly onReplaced?: () => void;
}
