/**
 * Where and how a service process runs: listeners, peers, folders, limits. One schema for the common part and one section per
 * service. What a run samples and trains is not here: see run-config.ts.
 */
import { z } from 'zod';

const port = z.number().int().min(0).max(65535);

/** Default ports; metrics listen at +100. */
export const defaultPorts = { controller: 7400, actor: 7401, trainer: 7402, reward: 7403, replay: 7404 } as const;
export type ServiceName = keyof typeof defaultPorts;
export const serviceNames = Object.keys(defaultPorts) as readonly ServiceName[];

const common = {
  /** Name of this process in logs, metrics and the registry. */
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  /** Address to listen on; off loopback only with credentials or `insecure`. */
  host: z.string().default('127.0.0.1'),
  /** gRPC port; 0 picks a free one. */
  port: port,
  /** HTTP port of /metrics, /healthz, /readyz; 0 picks a free one. */
  metricsPort: port,
  natsUrl: z.string().default('nats://127.0.0.1:4222'),
  /** Folder of this cluster's data. */
  dataFolder: z.string().default('.segue'),
  /** Addresses of peers (host:port); the registry is asked for those that are left out. */
  peers: z
    .strictObject({
      controller: z.string().optional(),
      trainer: z.string().optional(),
      reward: z.string().optional(),
      replay: z.string().optional(),
    })
    .prefault({}),
  /** Listen off loopback without TLS and token. */
  insecure: z.boolean().default(false),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Longest time for an orderly stop, in ms; what is not stopped by then is killed with the process. */
  stopTimeoutMs: z.number().int().min(100).default(20_000),
  /** Largest gRPC message, in bytes. */
  maxMessageBytes: z
    .number()
    .int()
    .min(65_536)
    .default(8 * 1024 * 1024),
};

function service<T extends z.ZodRawShape>(name: ServiceName, extra: T) {
  return z.strictObject({
    ...common,
    id: common.id.default(name),
    port: common.port.default(defaultPorts[name]),
    metricsPort: common.metricsPort.default(defaultPorts[name] + 100),
    ...extra,
  });
}

export const controllerConfigSchema = service('controller', {
  /** Problems in one batch at most. */
  maxBatchProblems: z.number().int().min(1).default(100_000),
  /** How often every hand-over is derived again from the store, in ms. */
  reconcileIntervalMs: z.number().int().min(50).default(2_000),
});

export const actorConfigSchema = service('actor', {
  /** Sequences generated at once. On CPU, decoding is compute-bound from a batch of 8 on, and caches overflow beyond 32. */
  slots: z.number().int().min(1).max(4096).default(32),
  /** Tokens per engine run. */
  chunkTokens: z.number().int().min(1).max(1024).default(32),
  /** Threads of the engine. */
  threads: z.number().int().min(1).default(1),
  /** What generates; see docs/cuda.md. */
  device: z.enum(['cpu', 'cuda']).default('cpu'),
  /** Make a new policy version ready beside the one that is served, before it is activated. Off, one version is in memory at a time. */
  prepareVersions: z.boolean().default(true),
  /** Copy the weights into a layout that decodes 5 to 20 % faster. Off, the engine reads the mapped file and needs no memory for weights. */
  packWeights: z.boolean().default(true),
  /** What decoding computes with. The other two need device cuda, are faster, and their log-probs differ from the trainer's. */
  precision: z.enum(['float32', 'tf32', 'float16']).default('float32'),
  /** A task's lease; renewed while chunks complete, in ms. */
  leaseMs: z.number().int().min(1_000).default(10_000),
  /** Longest time for one call of the engine (a chunk, a load), in ms; then the engine hangs and the process ends, to be started again. */
  engineTimeoutMs: z.number().int().min(100).default(120_000),
  /** Prompts in one Generate call at most. */
  maxGeneratePrompts: z.number().int().min(1).default(4_096),
});

export const trainerConfigSchema = service('trainer', {
  threads: z.number().int().min(1).default(2),
  /** What trains; see docs/cuda.md. */
  device: z.enum(['cpu', 'cuda']).default('cpu'),
  /** Of matrix products; tf32 needs device cuda, is faster, and rounds their inputs to 10 bits of mantissa. */
  precision: z.enum(['float32', 'tf32']).default('float32'),
  /** Longest time for one call of the engine (gradients of an update, log-probs of a batch), in ms; then the engine hangs and the process ends, to be started again. */
  engineTimeoutMs: z.number().int().min(100).default(600_000),
  /** Newest versions kept, beside version 0, those that wrote unfinished trajectories, and those that an evaluation has pinned. */
  keepVersions: z.number().int().min(2).default(4),
});

export const rewardConfigSchema = service('reward', {
  /** Responses judged at once; most of the time of a verdict is waiting for the store and the broker. */
  concurrency: z.number().int().min(1).default(32),
  /** Longest time for one verdict, in ms. */
  timeoutMs: z.number().int().min(10).default(5_000),
  /** Tries of a verdict that failed for infrastructure reasons. */
  maxAttempts: z.number().int().min(1).default(3),
  leaseMs: z.number().int().min(1_000).default(15_000),
});

export const replayConfigSchema = service('replay', {
  /** How often hand-overs are derived again, in ms. */
  reconcileIntervalMs: z.number().int().min(50).default(2_000),
  /** Upper bound of the store's file, in bytes. */
  maxStoreBytes: z
    .number()
    .int()
    .min(1 << 20)
    .default(64 * 1024 ** 3),
});

export type CommonConfig = z.output<z.ZodObject<typeof common>>;
export type ControllerConfig = z.output<typeof controllerConfigSchema>;
export type ActorConfig = z.output<typeof actorConfigSchema>;
export type TrainerConfig = z.output<typeof trainerConfigSchema>;
export type RewardConfig = z.output<typeof rewardConfigSchema>;
export type ReplayConfig = z.output<typeof replayConfigSchema>;
