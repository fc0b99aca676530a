/**
 * Where engines spent a rollout phase: sums over chunks, by the number of sequences in the batch. Actors collect them, the iteration's
 * event keeps them, and the step-time curve of a run is read off them. Pure; it knows no clock.
 */
import type { ChunkReport } from './engine.js';

/** Chunks of about the same batch, in all. Sequences that ended inside a chunk and stepped on count to its end: they cost as much. */
export interface DecodeTimes {
  readonly chunks: number;
  readonly steps: number;
  /** Sum over steps of the sequences in the batch. */
  readonly rowSteps: number;
  /** Inside the decode loop. */
  readonly loopMs: number;
  /** The whole chunks without their prefill: the loop, and what changing from chunk to chunk takes. */
  readonly decodeMs: number;
}

export interface EngineTimes {
  readonly prefillMs: number;
  /** By batch, rounded as `batchClass` does. */
  readonly decode: Readonly<Record<string, DecodeTimes>>;
}

export const noEngineTimes: EngineTimes = { prefillMs: 0, decode: {} };

/** Batches are told apart up to 8, then by fours up to 64, then by sixteens: the larger, the less one more sequence changes a step's time. */
export function batchClass(batch: number): number {
  const width = batch <= 8 ? 1 : batch <= 64 ? 4 : 16;
  return Math.max(1, Math.round(batch / width) * width);
}

/** With one more chunk. @param share part of the chunk that counts here */
export function withChunk(times: EngineTimes, report: ChunkReport, share = 1): EngineTimes {
  const batch = report.rows;
  const chunk: DecodeTimes = {
    chunks: share,
    steps: share * report.steps,
    rowSteps: share * report.steps * batch,
    loopMs: share * report.loopMs,
    decodeMs: share * (report.durationMs - report.prefillMs),
  };
  const decode = report.steps > 0 ? { [batchClass(batch)]: chunk } : {};
  return sumEngineTimes([times, { prefillMs: share * report.prefillMs, decode }]);
}

export function sumEngineTimes(all: readonly EngineTimes[]): EngineTimes {
  const decode: Record<string, DecodeTimes> = {};
  for (const times of all) {
    for (const [batch, more] of Object.entries(times.decode)) {
      const sum = decode[batch];
      decode[batch] = sum
        ? {
            chunks: sum.chunks + more.chunks,
            steps: sum.steps + more.steps,
            rowSteps: sum.rowSteps + more.rowSteps,
            loopMs: sum.loopMs + more.loopMs,
            decodeMs: sum.decodeMs + more.decodeMs,
          }
        : more;
    }
  }
  return { prefillMs: all.reduce((sum, { prefillMs }) => sum + prefillMs, 0), decode };
}
