/** The settings of an engine, with their defaults and bounds in one place. */
import { SegueError } from '@segue/core';

export type EngineDevice = 'cpu' | 'cuda';
/**
 * What decoding computes with: float32; on CUDA also float32 whose matrix products round to TF32, or float16 weights, activations, keys and
 * values (sampling stays float32). Other than float32 the log-probs differ from the trainer's; docs/cuda.md says by how much.
 */
export type EnginePrecision = 'float32' | 'tf32' | 'float16';
/** Whether siblings read one copy of their prompt's keys and values: where it pays, always, or never. */
export type SharePrompts = 'auto' | 'always' | 'never';
/** Whether a step's products take the weights as their left side: where it pays (`weights-first.ts`), always, or never. */
export type WeightsFirst = 'auto' | 'always' | 'never';

export interface EngineSettings {
  /** Sequences that can run at once. */
  readonly slots: number;
  /** Sequences that may wait for a slot. Default as many as slots: short sequences free a quarter of them in a chunk, and bringing more takes several chunks. */
  readonly waitingRoom: number;
  /** Tokens per sequence and chunk at most: the steps of one `session.run`. */
  readonly chunkTokens: number;
  /**
   * A chunk ends early once rows that have ended have stepped on for as much as this many steps of the whole batch. Worth about what
   * the change to the next chunk costs.
   */
  readonly idleSteps: number;
  readonly device: EngineDevice;
  readonly precision: EnginePrecision;
  /** Threads inside an operator. More than one pays only where cores are idle. */
  readonly threads: number;
  /** Tokens of one prefill run, padding included: bounds its memory. */
  readonly prefillTokens: number;
  /**
   * Prefill of one chunk, in tokens times parameters (attention counts too), per core: the rows that it does not reach wait for the next.
   * One to two seconds of a slow core (docs/long-contexts.md).
   */
  readonly prefillWork: number;
  readonly sharePrompts: SharePrompts;
  readonly weightsFirst: WeightsFirst;
  /**
   * Decode graphs whose products take the weights as their right side hold a copy of them that multiplies faster. Off, they read the mapped
   * file: no memory of their own, 5 to 20 % slower. The others read the mapped file always.
   */
  readonly packWeights: boolean;
}

/** Settings as a caller gives them: all but `slots` have a default. */
export type EngineOptions = Pick<EngineSettings, 'slots'> & Partial<EngineSettings>;

const wholeNumberBounds = {
  slots: [1, 4096],
  waitingRoom: [0, 4096],
  chunkTokens: [1, 1024],
  threads: [1, 256],
  prefillTokens: [1, 1 << 20],
  prefillWork: [1, Number.MAX_SAFE_INTEGER],
} as const;

/** Fills in the defaults and refuses what is out of bounds. */
export function engineSettings(options: EngineOptions): EngineSettings {
  const settings: EngineSettings = {
    waitingRoom: options.slots,
    chunkTokens: 32,
    idleSteps: 1,
    device: 'cpu',
    precision: 'float32',
    threads: 1,
    prefillTokens: 2048,
    prefillWork: 2 ** 34,
    sharePrompts: 'auto',
    weightsFirst: 'auto',
    packWeights: true,
    ...options,
  };
  for (const [name, [low, high]] of Object.entries(wholeNumberBounds)) {
    const value = settings[name as keyof typeof wholeNumberBounds];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new SegueError(
        'INVALID_CONFIG',
        `engine.${name} must be a whole number from ${low} to ${high}, got ${value}`,
      );
    }
  }
  if (!(settings.idleSteps >= 0)) {
    throw new SegueError('INVALID_CONFIG', `engine.idleSteps must be at least 0, got ${settings.idleSteps}`);
  }
  if (!['cpu', 'cuda'].includes(settings.device)) {
    throw new SegueError('INVALID_CONFIG', `engine.device must be cpu or cuda, got ${JSON.stringify(settings.device)}`);
  }
  if (!['float32', 'tf32', 'float16'].includes(settings.precision)) {
    throw new SegueError(
      'INVALID_CONFIG',
      `engine.precision must be float32, tf32 or float16, got ${JSON.stringify(settings.precision)}`,
    );
  }
  if (settings.precision === 'tf32' && settings.device !== 'cuda') {
    throw new SegueError('INVALID_CONFIG', 'engine.precision tf32 needs device cuda: a CPU has no such arithmetic');
  }
  for (const name of ['sharePrompts', 'weightsFirst'] as const) {
    if (['auto', 'always', 'never'].includes(settings[name])) continue;
    throw new SegueError(
      'INVALID_CONFIG',
      `engine.${name} must be auto, always or never, got ${JSON.stringify(settings[name])}`,
    );
  }
  return settings;
}
