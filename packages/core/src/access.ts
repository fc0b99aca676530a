/**
 * Who may call what: one row per RPC of every service, an allow-list. A call without a row is refused. Pure: how a caller proves who it is
 * is the bus's business. Roles without need of a call do not have it: only the controller may tell an actor to drain.
 */
import type { ActorApi, ControllerApi, ReplayApi, RewardApi, ScorerListApi, TrainerApi } from './api.js';
import type { ServiceName } from './service-config.js';
import type { TablesApi } from './table-api.js';

/** What a token may be good for. `admin` is good for everything that a token can open. */
export const scopes = ['read', 'submit', 'score', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Who is behind a call. `anyone`: nobody was asked, on loopback without credentials. */
export type Caller =
  | { readonly kind: 'anyone'; readonly name: string }
  | { readonly kind: 'service'; readonly name: string; readonly service: ServiceName }
  | { readonly kind: 'client'; readonly name: string; readonly scopes: readonly Scope[] };

export interface Access {
  /** What a client's token needs; null: no token opens it. */
  readonly scope: Scope | null;
  /** Services that need the call. */
  readonly services: readonly ServiceName[];
}

const clients = (scope: Scope): Access => ({ scope, services: [] });
const controller = (scope: Scope | null): Access => ({ scope, services: ['controller'] });
/** What every service may look up, and a client with `read`. */
const everybody: Access = { scope: 'read', services: ['controller', 'actor', 'trainer', 'reward', 'replay'] };
const storeReaders: Access = { scope: 'read', services: ['controller', 'actor', 'trainer', 'reward'] };
const policyReaders: Access = { scope: 'read', services: ['controller', 'actor', 'reward'] };

export const controllerAccess = {
  submitProblems: clients('submit'),
  createRun: clients('submit'),
  getRun: clients('read'),
  listRuns: clients('read'),
  pauseRun: clients('submit'),
  resumeRun: clients('submit'),
  stopRun: clients('admin'),
  watchRun: clients('read'),
  evaluate: clients('submit'),
  getClusterStatus: clients('read'),
  listDeadLetters: clients('read'),
  getDeadLetter: clients('read'),
  // What is requeued may kill actors again; what is dropped is gone.
  requeueDeadLetter: clients('admin'),
  dropDeadLetter: clients('admin'),
  listScorers: clients('read'),
  // Who is registered decides what is learned, and sees prompts and responses: a scope of its own, that opens nothing else.
  registerScorers: clients('score'),
  unregisterScorers: clients('score'),
} as const satisfies Record<keyof ControllerApi, Access>;

export const actorAccess = {
  generate: controller('submit'),
  getActorStatus: everybody,
  loadPolicy: controller(null),
  preparePolicy: controller(null),
  releaseDevice: controller('admin'),
  downloadPolicy: policyReaders,
  drain: controller('admin'),
} as const satisfies Record<keyof ActorApi, Access>;

export const trainerAccess = {
  initializePolicy: controller(null),
  fineTune: controller(null),
  trainIteration: controller(null),
  getTrainerStatus: everybody,
  downloadPolicy: policyReaders,
} as const satisfies Record<keyof TrainerApi, Access>;

export const rewardAccess = {
  scoreBatch: controller('submit'),
  listScorers: everybody,
} as const satisfies Record<keyof RewardApi, Access>;

export const scorerListAccess = {
  registerScorers: controller(null),
  unregisterScorers: controller(null),
} as const satisfies Record<keyof ScorerListApi, Access>;

export const replayAccess = {
  putRun: controller(null),
  getRun: storeReaders,
  listRuns: storeReaders,
  putProblems: controller(null),
  listProblems: storeReaders,
  openIteration: controller(null),
  // Segments and scores come through the streams; these do the same for clients that write by hand.
  appendSegment: clients('admin'),
  recordScore: clients('admin'),
  closeIteration: controller(null),
  freezeBatch: controller(null),
  commitIteration: controller(null),
  getIteration: storeReaders,
  getIterationProgress: storeReaders,
  listIterations: storeReaders,
  getTrajectory: storeReaders,
  getTrajectories: storeReaders,
  listUnfinished: storeReaders,
  listTrajectories: storeReaders,
  listTimeline: storeReaders,
  streamCompleteGroups: storeReaders,
  sample: storeReaders,
  appendEvent: controller(null),
  listEvents: storeReaders,
  getStatistics: storeReaders,
  listDeadLetters: controller('read'),
  getDeadLetter: controller('read'),
  requeueDeadLetter: controller(null),
  dropDeadLetter: controller(null),
  // Mending runs work again; a snapshot is all data.
  verify: clients('admin'),
  takeSnapshot: clients('admin'),
} as const satisfies Record<keyof ReplayApi, Access>;

export const tablesAccess = {
  listTables: clients('read'),
  insertItems: clients('submit'),
  // It counts as taken: what others get changes.
  sampleItems: clients('submit'),
  updatePriorities: clients('submit'),
  removeItems: clients('submit'),
  getTableStatistics: clients('read'),
} as const satisfies Record<keyof TablesApi, Access>;

/** The services of the protos, with the process that serves them and the rows of their RPCs. */
export const accessTable: Readonly<
  Record<string, { readonly service: ServiceName; readonly rpcs: Readonly<Record<string, Access>> }>
> = {
  'segue.v1.Controller': { service: 'controller', rpcs: controllerAccess },
  'segue.v1.RolloutActor': { service: 'actor', rpcs: actorAccess },
  'segue.v1.Trainer': { service: 'trainer', rpcs: trainerAccess },
  'segue.v1.RewardScorer': { service: 'reward', rpcs: rewardAccess },
  'segue.v1.ScorerList': { service: 'reward', rpcs: scorerListAccess },
  'segue.v1.ReplayStore': { service: 'replay', rpcs: replayAccess },
  'segue.v1.ReplayTables': { service: 'replay', rpcs: tablesAccess },
};

const health: Access = { scope: 'read', services: everybody.services };

/** Of services that are not ours, by the beginning of their paths: the tools that ask them hold a token like any client. */
const otherServices: readonly (readonly [string, Access])[] = [
  ['/grpc.health.v1.', health],
  ['/grpc.reflection.', clients('admin')],
];

/** The row of `/segue.v1.Controller/GetRun`; null for a call that nobody has allowed. */
export function accessOf(path: string): Access | null {
  const [, service, method] = /^\/([^/]+)\/([^/]+)$/.exec(path) ?? [];
  if (service === undefined || method === undefined) return null;
  if (Object.hasOwn(accessTable, service)) {
    const name = method.charAt(0).toLowerCase() + method.slice(1);
    const rpcs = accessTable[service]?.rpcs ?? {};
    return Object.hasOwn(rpcs, name) ? (rpcs[name] ?? null) : null;
  }
  return otherServices.find(([prefix]) => path.startsWith(prefix))?.[1] ?? null;
}

export function mayCall(caller: Caller, access: Access): boolean {
  if (caller.kind === 'anyone') return true;
  if (caller.kind === 'service') return access.services.includes(caller.service);
  if (access.scope === null) return false;
  return caller.scopes.includes('admin') || caller.scopes.includes(access.scope);
}

/** Whether a caller's requests are counted against the limit of a client: other services are not clients. */
export function isLimited(caller: Caller, access: Access): boolean {
  if (caller.kind === 'anyone') return access.services.length === 0;
  return caller.kind === 'client';
}
