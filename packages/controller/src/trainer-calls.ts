/** The two long calls to the trainer: warm-up and the training of an iteration. Both stream progress and end with a version. */
import { firstOf } from '@segue/bus';
import { type PolicyVersionInfo, SegueError, type TrainProgress } from '@segue/core';
import type { ActiveRun } from './active-run.js';

/** What a call of the trainer ended with. */
export interface Trained {
  readonly policy: PolicyVersionInfo;
  /** Metrics of the last message. */
  readonly metricsJson: string;
}

/**
 * Follows a stream of the trainer to its end. A trainer that says nothing for too long is given up with DEADLINE_EXCEEDED: the call is
 * idempotent and may be made again.
 * @param call begins the stream
 * @param tell is told of a message from time to time, and of the last
 */
export async function followTrainer(
  run: ActiveRun,
  call: (signal: AbortSignal) => AsyncIterable<TrainProgress>,
  tell: (message: TrainProgress) => Promise<void>,
): Promise<Trained> {
  const { trainerSilenceMs, progressEventMs } = run.cluster.timings;
  const silence = new AbortController();
  const wait = run.waits.begin('trainer', 'trainer');
  const over = firstOf(run.signal, silence.signal);
  let timer = setTimeout(() => silence.abort(), trainerSilenceMs);
  let last: TrainProgress | null = null;
  let toldAtMs = 0;
  let told: TrainProgress | null = null;
  try {
    for await (const message of call(over.signal)) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), trainerSilenceMs);
      last = message;
      // A trainer that has nothing new says the same again, so as not to be silent.
      const isRepeated = message.stage === told?.stage && message.step === told.step;
      if (message.version === null && (isRepeated || Date.now() - toldAtMs < progressEventMs)) continue;
      toldAtMs = Date.now();
      told = message;
      await tell(message);
    }
  } catch (error) {
    if (!silence.signal.aborted) throw error;
    throw new SegueError('DEADLINE_EXCEEDED', `the trainer said nothing for ${trainerSilenceMs} ms`, error);
  } finally {
    clearTimeout(timer);
    over.release();
    wait.end();
  }
  if (last === null || last.version === null) {
    throw new SegueError('UNAVAILABLE', 'the trainer ended its stream without a version');
  }
  return { policy: last.version, metricsJson: last.metricsJson };
}

/** Metrics as an object; an empty one when there are none. */
export function parseMetrics(text: string): Readonly<Record<string, unknown>> {
  return text === '' ? {} : JSON.parse(text);
}
