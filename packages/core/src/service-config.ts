/**
 * Where and how a service process runs: listeners, peers, folders, limits. One schema for the common part and one section per
 * service. What a run samples and trains is not here: see run-config.ts.
 */
import { z } from 'zod';
import { tablesSchema } from './item-table/table-rules.js';
import { key } from './key-docs.js';
import { serverConfigSchema } from './server-config.js';

const port = z.number().int().min(0).max(65535);

/** Default ports; metrics listen at +100. */
export const defaultPorts = { controller: 7400, actor: 7401, trainer: 7402, reward: 7403, replay: 7404 } as const;
export type ServiceName = keyof typeof defaultPorts;
export const serviceNames = Object.keys(defaultPorts) as readonly ServiceName[];

const ms = { unit: 'ms' };
const bytes = { unit: 'bytes' };
/** Made anew for each key: what a key means is kept by its schema. */
const path = () => z.string().min(1).nullable().default(null);
const peer = (name: ServiceName) => key(z.string().optional(), `host:port of the ${name}`);

const securitySchema = z
  .strictObject({
    ca: key(path(), 'PEM file of the authority whose certificates are trusted; see `segue certs`'),
    cert: key(path(), "PEM file of this service's certificate"),
    key: key(path(), "PEM file of the certificate's private key"),
    tokens: key(path(), 'File of the tokens that clients may hold, as hashes; see `segue tokens`'),
    natsSeed: key(
      path(),
      'File of the nkey seed with which the message server knows this service; see `segue nats-config`',
    ),
  })
  .refine(
    ({ ca, cert, key: privateKey, tokens }) =>
      new Set([ca, cert, privateKey, tokens].map((file) => file === null)).size === 1,
    { message: 'must be given together: ca, cert, key and tokens, or none of them' },
  );

const tracingSchema = z.strictObject({
  endpoint: key(
    z.url().nullable().default(null),
    'Where traces go: the base address of a collector that speaks OTLP over HTTP (`http://host:4318`). null: to OTEL_EXPORTER_OTLP_ENDPOINT, without which none are taken',
  ),
  share: key(
    z.number().min(0).max(1).default(0.01),
    'Share of the training problems of a batch whose trajectories are traced, beside its first; the controller alone reads it',
  ),
});

const commonKeys = {
  id: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  host: key(z.string().default('127.0.0.1'), 'Address to listen on; off loopback only with credentials or `insecure`'),
  advertisedHost: key(
    z.string().min(1).nullable().default(null),
    'Host name or address under which others reach this service, for the registry; null: `host`. Needed where `host` is 0.0.0.0. `{hostname}` is this machine',
  ),
  port: port,
  metricsPort: port,
  natsUrl: key(z.string().default('nats://127.0.0.1:4222'), 'The message server'),
  dataFolder: key(z.string().default('.segue'), "Folder of this cluster's data"),
  peers: key(
    z
      .strictObject({
        controller: peer('controller'),
        trainer: peer('trainer'),
        reward: peer('reward'),
        replay: peer('replay'),
      })
      .prefault({}),
    'Addresses of peers; the registry is asked for those that are left out',
  ),
  metricsHost: key(
    z.string().default('127.0.0.1'),
    'Address of /metrics, /healthz and /readyz, which ask nobody for credentials: open it to a closed network alone',
  ),
  tracing: key(tracingSchema.prefault({}), 'OpenTelemetry traces: docs/observability.md'),
  security: key(securitySchema.prefault({}), 'Credentials: TLS on both sides, tokens of clients, the message server'),
  insecure: key(z.boolean().default(false), 'Listen off loopback without TLS and token'),
  reflection: key(
    z.boolean().nullable().default(null),
    'Tell by gRPC reflection what is served; null: on loopback without credentials alone',
  ),
  requestsPerSecond: z.number().positive(),
  requestBurst: z.number().int().min(1),
  maxConcurrentCalls: key(z.number().int().min(1).default(1_000), 'Calls at once on one connection'),
  logLevel: key(z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'), 'Least level that is logged'),
  stopTimeoutMs: key(
    z.number().int().min(100).default(20_000),
    'Longest time for an orderly stop; what is not stopped by then is killed with the process',
    ms,
  ),
  maxMessageBytes: key(
    z
      .number()
      .int()
      .min(65_536)
      .default(8 * 1024 * 1024),
    'Largest gRPC message',
    bytes,
  ),
};

function service<T extends z.ZodRawShape>(name: ServiceName, extra: T) {
  const { id, port, metricsPort, requestsPerSecond, requestBurst } = commonKeys;
  // Items go in and out of the store one by one; elsewhere a client's call begins something.
  const calls = name === 'replay' ? { perSecond: 20_000, burst: 20_000 } : { perSecond: 50, burst: 200 };
  return z.strictObject({
    ...commonKeys,
    id: key(
      id.default(name),
      'Name of this process in logs, metrics and the registry; `{hostname}` in it is this machine, so that replicas need no settings of their own',
    ),
    port: key(port.default(defaultPorts[name]), 'gRPC port; 0 picks a free one'),
    metricsPort: key(
      metricsPort.default(defaultPorts[name] + 100),
      'HTTP port of /metrics, /healthz, /readyz; 0 picks a free one',
    ),
    requestsPerSecond: key(
      requestsPerSecond.default(calls.perSecond),
      'Calls of one client; what is more is refused with the time after which to try again. Other services are not counted',
    ),
    requestBurst: key(requestBurst.default(calls.burst), 'Calls that a client may make at once after a quiet time'),
    ...extra,
  });
}

export const controllerConfigSchema = service('controller', {
  page: key(
    z
      .union([z.boolean(), z.literal('local')])
      .nullable()
      .default(null),
    'Serve the page to watch beside /metrics. It shows prompts and responses to whoever reaches the port; `local`: to whoever calls it by a name of loopback, as through a port that a container publishes there; null: where `metricsHost` is loopback',
  ),
  maxBatchProblems: key(z.number().int().min(1).default(100_000), 'Problems in one batch at most'),
  maxBatchBytes: key(
    z
      .number()
      .int()
      .min(65_536)
      .default(256 * 1024 * 1024),
    'Size of one batch at most, all of its messages together',
    bytes,
  ),
  maxConcurrentSubmissions: key(
    z.number().int().min(1).default(1),
    'Batches taken in at once; more slow the run that goes on down',
  ),
  maxWaitingSubmissions: key(
    z.number().int().min(0).default(16),
    'Batches beyond these that wait for their turn, unread; more are refused with the time after which to try again',
  ),
  submissionIdleMs: key(
    z.number().int().min(100).default(30_000),
    'Longest wait for the next problem of a batch that is taken in; then it is refused as a whole, and its place is free',
    ms,
  ),
  maxEvaluationResponses: key(
    z.number().int().min(1).default(100_000),
    'Responses of an evaluation at most, problems times samples: of all Evaluate calls under way together, and of one evaluation of a run',
  ),
  reconcileIntervalMs: key(
    z.number().int().min(50).default(2_000),
    'How often every hand-over is derived again from the store',
    ms,
  ),
  waitingNoticeMs: key(
    z.number().int().min(100).default(15_000),
    'A wait that lasts longer is told in log, metric and to watchers; then again at twice the time',
    ms,
  ),
});

/** What an engine needs to know that takes turns with another one on a device. */
const turnKeys = (agentPort: number) => ({
  deployment: key(
    z.enum(['disaggregated', 'colocated']).default('disaggregated'),
    'Whether the engine has a device to itself, or takes turns on it: training and rollout then each give all memory back. See docs/colocated.md',
  ),
  deviceName: key(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
      .nullable()
      .default(null),
    'Colocated: name of the device, the same for the actor and the trainer that share it; null: from the kind of device, and for a CPU from the data folder',
  ),
  deviceLeaseMs: key(
    z.number().int().min(500).default(15_000),
    "Colocated: the device's lease; renewed at a third of it, and lost when its holder cannot",
    ms,
  ),
  deviceWaitMs: key(
    z.number().int().min(100).default(30_000),
    'Colocated: longest wait for a device that another has; what needed it then fails, and is tried again by its owner',
    ms,
  ),
  agentPort: key(
    port.default(agentPort),
    "Colocated: HTTP port of the agent that owns the engine's process, on loopback alone; 0 picks a free one",
  ),
});

export const actorConfigSchema = service('actor', {
  ...turnKeys(defaultPorts.actor + 200),
  slots: key(
    z.number().int().min(1).max(4096).default(32),
    'Sequences generated at once. On CPU, decoding is compute-bound from a batch of 8 on, and caches overflow beyond 32',
  ),
  waitingRoom: key(
    z.number().int().min(0).max(4096).nullable().default(null),
    'Sequences that wait inside the engine for a slot, while the queue holds plenty; null: as many as slots',
  ),
  engine: key(
    z.enum(['onnx', 'server']).default('onnx'),
    "What generates: our own engine, which is also the trainer's, or an inference server over HTTP (docs/engines.md)",
  ),
  server: key(serverConfigSchema.prefault({}), 'The inference server, with engine `server`'),
  chunkTokens: key(z.number().int().min(1).max(1024).default(32), 'Length of one engine run', { unit: 'tokens' }),
  threads: key(z.number().int().min(1).default(1), 'Threads of the engine'),
  device: key(z.enum(['cpu', 'cuda']).default('cpu'), 'What generates; see docs/cuda.md'),
  prepareVersions: key(
    z.boolean().default(true),
    'Make a new policy version ready beside the one that is served, before it is activated. Off, one version is in memory at a time',
  ),
  packWeights: key(
    z.boolean().default(true),
    'Copy the weights into a layout that decodes 5 to 20 % faster. Off, the engine reads the mapped file and needs no memory for weights',
  ),
  precision: key(
    z.enum(['float32', 'tf32', 'float16']).default('float32'),
    "What decoding computes with. The other two need device cuda, are faster, and their log-probs differ from the trainer's",
  ),
  leaseMs: key(z.number().int().min(1_000).default(10_000), "A task's lease; renewed while chunks complete", ms),
  engineTimeoutMs: key(
    z.number().int().min(100).default(120_000),
    'Longest time for one call of the engine (a chunk, a load); then the engine hangs and the process ends, to be started again',
    ms,
  ),
  maxGeneratePrompts: key(z.number().int().min(1).default(4_096), 'Prompts in one Generate call at most'),
});

export const trainerConfigSchema = service('trainer', {
  ...turnKeys(defaultPorts.trainer + 200),
  sharedFolder: key(
    path(),
    'Folder in memory, such as one below /dev/shm, through which a new version reaches the actors of this host while it is being saved; null: they read it from the disk',
  ),
  checkpointsFolder: key(
    path(),
    "Folder below which a run's `policy.from` must lie, so that who may submit runs reads no other folder; null: anywhere",
  ),
  threads: key(z.number().int().min(1).default(2), 'Threads of the engine'),
  device: key(z.enum(['cpu', 'cuda']).default('cpu'), 'What trains; see docs/cuda.md'),
  precision: key(
    z.enum(['float32', 'tf32']).default('float32'),
    'Of matrix products; tf32 needs device cuda, is faster, and rounds their inputs to 10 bits of mantissa',
  ),
  engineTimeoutMs: key(
    z.number().int().min(100).default(600_000),
    'Longest time for one call of the engine (gradients of an update, log-probs of a batch); then the engine hangs and the process ends, to be started again',
    ms,
  ),
  keepVersions: key(
    z.number().int().min(2).default(4),
    'Newest versions kept, beside version 0, those that wrote unfinished trajectories, those that an evaluation has pinned, and those that a snapshot under way may name',
  ),
});

export const rewardConfigSchema = service('reward', {
  concurrency: key(
    z.number().int().min(1).default(32),
    'Responses judged at once; while there are plenty, four times as many are read and answered, since most of the time of a verdict is waiting for the store and the broker',
  ),
  timeoutMs: key(z.number().int().min(10).default(5_000), 'Longest time for one verdict', ms),
  maxAttempts: key(z.number().int().min(1).default(3), 'Tries of a verdict that failed for infrastructure reasons'),
  leaseMs: key(z.number().int().min(1_000).default(15_000), "A task's lease; renewed while it is judged", ms),
  scorerPatienceMs: key(
    z.number().int().min(0).max(300_000).default(60_000),
    'How long a verdict waits for a registered scorer that is away; then it has failed, and is tried again as any that failed',
    ms,
  ),
});

export const replayConfigSchema = service('replay', {
  reconcileIntervalMs: key(z.number().int().min(50).default(2_000), 'How often hand-overs are derived again', ms),
  maxStoreBytes: key(
    z
      .number()
      .int()
      .min(1 << 20)
      .default(64 * 1024 ** 3),
    "Upper bound of what is in use of the store's file; the file itself may become a few per cent larger",
    bytes,
  ),
  retention: key(
    z
      .strictObject({
        finishedRuns: key(
          z.number().int().min(0).nullable().default(null),
          'Runs that are finished or stopped whose records are kept, the newest; of others only the configuration and the counters stay; null: all are kept',
        ),
        minAgeHours: key(
          z.number().min(0).default(24),
          'Records of a run are kept at least for so long after its last event',
          { unit: 'hours' },
        ),
      })
      .prefault({}),
    'What a store that lives for months lets go of: docs/durability.md',
  ),
  streamReplicas: key(
    z.union([z.literal(1), z.literal(3), z.literal(5)]).default(1),
    'Message servers that hold a copy of each stream, of as many as their cluster has. The shared state (registry, signals) keeps what it was made with',
  ),
  tables: key(tablesSchema, 'Tables of items beside the one that training consumes, by name: docs/replay.md'),
  maxWaitingCalls: key(
    z.number().int().min(1).default(1_024),
    'Inserts that wait at each table at most, and samples; more are refused',
  ),
});

/** The schema of each service, for the printed table. */
export const serviceConfigSchemas: Readonly<Record<ServiceName, z.ZodObject>> = {
  controller: controllerConfigSchema,
  actor: actorConfigSchema,
  trainer: trainerConfigSchema,
  reward: rewardConfigSchema,
  replay: replayConfigSchema,
};

export type CommonConfig = z.output<z.ZodObject<typeof commonKeys>>;
export type ControllerConfig = z.output<typeof controllerConfigSchema>;
export type ActorConfig = z.output<typeof actorConfigSchema>;
export type TrainerConfig = z.output<typeof trainerConfigSchema>;
export type RewardConfig = z.output<typeof rewardConfigSchema>;
export type ReplayConfig = z.output<typeof replayConfigSchema>;
