/**
 * The five services as types: every RPC's kind, request and response in core's words. The bus turns each map into a typed client and a
 * handler interface, and holds a converter per message; the meaning of every call is in protos/segue/v1.
 */
import type {
  CompleteGroup,
  EndReason,
  Problem,
  ProblemPurpose,
  Sampling,
  Score,
  Segment,
  Trajectory,
  TrajectorySummary,
} from './domain.js';
import type {
  AppendResult,
  DeadLetterRecord,
  IterationPlan,
  IterationProgress,
  IterationRecord,
  ProblemRecord,
  ReplayStatistics,
  RequeueOutcome,
  RunRecord,
  RunState,
  ScoreResult,
  Selector,
  SnapshotChunk,
  StoreCheck,
  StoredEvent,
  TimelineRow,
  TrajectoryRecord,
} from './records.js';

export interface Unary<Request, Response> {
  readonly kind: 'unary';
  readonly request: Request;
  readonly response: Response;
}
export interface ServerStream<Request, Response> {
  readonly kind: 'server-stream';
  readonly request: Request;
  readonly response: Response;
}
/** A header, then items in any number. */
export interface ClientStream<Header, Item, Response> {
  readonly kind: 'client-stream';
  readonly header: Header;
  readonly item: Item;
  readonly response: Response;
}

export interface BatchHeader {
  readonly runId: string;
  readonly batchId: string;
}
export interface BatchResult {
  readonly accepted: number;
  readonly repeated: boolean;
}

/** segue.v1.ReplayStore */
export interface ReplayApi {
  putRun: Unary<{ run: RunRecord; expectedRevision: number | null }, RunRecord>;
  getRun: Unary<{ runId: string }, RunRecord>;
  listRuns: Unary<Record<never, never>, { runs: readonly RunRecord[] }>;
  putProblems: ClientStream<BatchHeader, Problem, BatchResult>;
  listProblems: ServerStream<{ runId: string; purpose: ProblemPurpose | null }, ProblemRecord>;
  openIteration: Unary<
    { runId: string; iteration: number; policyVersion: number; maxAttempts: number } & IterationPlan,
    IterationRecord
  >;
  appendSegment: Unary<{ runId: string; segment: Segment }, AppendResult>;
  recordScore: Unary<{ runId: string; score: Score }, ScoreResult>;
  closeIteration: Unary<{ runId: string; iteration: number }, IterationRecord>;
  freezeBatch: Unary<
    { runId: string; iteration: number; maxGroups: number; minUsable: number; keepEqual: boolean },
    IterationRecord
  >;
  commitIteration: Unary<
    { runId: string; iteration: number; policyVersionOut: number; metricsJson: string },
    IterationRecord
  >;
  getIteration: Unary<{ runId: string; iteration: number | null }, IterationRecord>;
  getIterationProgress: Unary<{ runId: string; iteration: number }, IterationProgress>;
  listIterations: ServerStream<{ runId: string; fromIteration: number }, IterationRecord>;
  getTrajectory: Unary<{ trajectoryId: string }, Trajectory>;
  getTrajectories: ServerStream<{ trajectoryIds: readonly string[] }, Trajectory>;
  listUnfinished: ServerStream<{ runId: string }, TrajectorySummary>;
  listTrajectories: ServerStream<{ runId: string }, TrajectoryRecord>;
  listTimeline: ServerStream<
    { runId: string; fromGroup: number; also: readonly string[] },
    { rows: readonly TimelineRow[] }
  >;
  streamCompleteGroups: ServerStream<{ runId: string; iteration: number | null }, CompleteGroup>;
  sample: Unary<
    { runId: string; count: number; selector: Selector; seed: number },
    { trajectories: readonly Trajectory[]; probabilities: readonly number[]; population: number }
  >;
  appendEvent: Unary<{ runId: string; kind: string; bodyJson: string; atMs: number; key: string }, StoredEvent>;
  listEvents: ServerStream<{ runId: string; afterSequence: number }, StoredEvent>;
  getStatistics: Unary<{ runId: string }, ReplayStatistics>;
  /** A null runId: the whole store. */
  verify: ServerStream<{ runId: string | null; repair: boolean }, StoreCheck>;
  takeSnapshot: ServerStream<{ holdVersions: boolean }, SnapshotChunk>;
  listDeadLetters: ServerStream<{ runId: string }, DeadLetterRecord>;
  getDeadLetter: Unary<{ id: string }, DeadLetterRecord>;
  requeueDeadLetter: Unary<{ id: string }, { outcome: RequeueOutcome }>;
  dropDeadLetter: Unary<{ id: string }, DeadLetterRecord>;
}

/** A run as its users see it. */
export interface RunView {
  readonly id: string;
  readonly state: RunState;
  readonly configJson: string;
  readonly iterations: number;
  readonly policyVersion: number;
  readonly createdAtMs: number;
  readonly error: string;
  readonly trainProblems: number;
  readonly evaluationProblems: number;
  readonly warmupProblems: number;
}

/** A problem as a client submits it: the controller makes id and tokens. */
export type ProblemInput = Omit<Problem, 'id' | 'promptTokens' | 'traceParent'> & { readonly id: string | null };

export interface EvaluationRequest {
  readonly runId: string;
  /** null: the active version. */
  readonly policyVersion: number | null;
  /** 0: all. */
  readonly maxProblems: number;
  readonly samples: number;
  /** null: the run's sampling. */
  readonly sampling: Sampling | null;
}
export interface EvaluationResult {
  readonly policyVersion: number;
  readonly problems: number;
  readonly samples: number;
  /** Mean over judged samples; null when none could be judged. */
  readonly accuracy: number | null;
  readonly failed: number;
  readonly responseTokensMean: number;
  readonly responseTokensP95: number;
}

export interface Waiting {
  readonly what: string;
  readonly from: string;
  readonly sinceMs: number;
  readonly count: number;
}
export interface ActorReport {
  readonly actorId: string;
  readonly address: string;
  readonly running: number;
  readonly slots: number;
  readonly policyVersion: number | null;
  readonly seenAtMs: number;
}
export interface ClusterStatus {
  readonly runId: string;
  readonly iteration: number;
  readonly phase: string;
  readonly phaseSinceMs: number;
  readonly waiting: readonly Waiting[];
  readonly actors: readonly ActorReport[];
  /** Where the services listen, from the registry. */
  readonly services: readonly ServiceAddress[];
  /** What was refused, given up or done again, by name; see docs/faults.md. */
  readonly faults: Readonly<Record<string, number>>;
  /** Messages of the bus, as of the last look. */
  readonly queues: readonly QueueReport[];
  /** Runs whose records the store has let go of, as of the last look. */
  readonly runsRetired: number;
}
export interface QueueReport {
  readonly queue: string;
  readonly pending: number;
  readonly leased: number;
}
export interface ServiceAddress {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  /** What is wrong with it that a person should know; empty: nothing. */
  readonly trouble: string;
}

/** segue.v1.Controller */
export interface ControllerApi {
  submitProblems: ClientStream<BatchHeader, ProblemInput, BatchResult & { readonly batchId: string }>;
  createRun: Unary<{ runId: string; configJson: string }, RunView>;
  getRun: Unary<{ runId: string }, RunView>;
  listRuns: Unary<Record<never, never>, { runs: readonly RunView[] }>;
  pauseRun: Unary<{ runId: string }, RunView>;
  resumeRun: Unary<{ runId: string }, RunView>;
  stopRun: Unary<{ runId: string }, RunView>;
  watchRun: ServerStream<
    { runId: string; fromStart: boolean; afterSequence: number; tellPosition: boolean },
    StoredEvent
  >;
  evaluate: Unary<EvaluationRequest, EvaluationResult>;
  getClusterStatus: Unary<{ runId: string }, ClusterStatus>;
  listDeadLetters: ServerStream<{ runId: string }, DeadLetterRecord>;
  getDeadLetter: Unary<{ id: string }, DeadLetterRecord>;
  requeueDeadLetter: Unary<{ id: string }, { outcome: RequeueOutcome }>;
  dropDeadLetter: Unary<{ id: string }, DeadLetterRecord>;
  listScorers: Unary<Record<never, never>, { scorers: readonly ScorerInfo[] }>;
  registerScorers: Unary<ScorerServer, ScorerRegistration>;
  unregisterScorers: Unary<{ instance: string }, { scorers: readonly string[] }>;
}

export interface GeneratePrompt {
  readonly id: string;
  /** null: `text` is used. */
  readonly tokens: Int32Array | null;
  readonly text: string;
  /** Response tokens that are there already. */
  readonly responseTokens: Int32Array;
}
export interface GenerateRequest {
  readonly runId: string;
  readonly policyVersion: number | null;
  readonly prompts: readonly GeneratePrompt[];
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly seed: number;
  readonly stopOnRepeat: boolean;
}
export interface GenerateResult {
  readonly id: string;
  readonly tokens: Int32Array;
  readonly logProbs: Float32Array;
  readonly endReason: EndReason;
  readonly policyVersion: number;
  readonly text: string;
}
export interface ActorStatus {
  readonly actorId: string;
  readonly runId: string;
  readonly policyVersion: number | null;
  readonly slots: number;
  readonly running: number;
  readonly trajectoryIds: readonly string[];
  readonly draining: boolean;
  readonly device: string;
  readonly generatedTokens: number;
  readonly reprefilledTokens: number;
  readonly flushedIteration: number | null;
  /** Call of the engine that is waited for; empty when none is. */
  readonly engineCall: string;
  readonly engineCallMs: number;
  /** Run whose version is served; empty when none is, and from an actor of an earlier version. */
  readonly policyRunId: string;
  readonly refusedRuns: readonly RefusedRun[];
}
/** A run that an actor's engine cannot generate for. */
export interface RefusedRun {
  readonly runId: string;
  readonly reason: string;
  /** A few tasks are taken again at present, to see whether it still refuses them. */
  readonly isTried: boolean;
}
export interface PolicyRef {
  readonly runId: string;
  readonly version: number;
  readonly manifestSha256: string;
}

export interface PreparePolicyRequest {
  readonly policy: PolicyRef;
  readonly folder: string;
}

/** How an actor gave its device back. */
export interface DeviceReleased {
  readonly durationMs: number;
  /** Resident memory of the engine before, and what is left of it. */
  readonly residentBytes: number;
  readonly leftBytes: number;
}

/** segue.v1.RolloutActor */
export interface ActorApi {
  generate: ServerStream<GenerateRequest, GenerateResult>;
  getActorStatus: Unary<Record<never, never>, ActorStatus>;
  loadPolicy: Unary<{ policy: PolicyRef }, ActorStatus>;
  preparePolicy: Unary<PreparePolicyRequest, ActorStatus>;
  releaseDevice: Unary<Record<never, never>, DeviceReleased>;
  downloadPolicy: ServerStream<DownloadPolicyRequest, PolicyChunk>;
  drain: Unary<Record<never, never>, ActorStatus>;
}

export interface PolicyVersionInfo {
  readonly ref: PolicyRef;
  readonly parent: number;
  readonly bytes: number;
  readonly folder: string;
}
export interface TrainProgress {
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
  readonly metricsJson: string;
  readonly version: PolicyVersionInfo | null;
}
export interface TrainerStatus {
  readonly state: string;
  readonly runId: string;
  readonly policyVersion: number | null;
  readonly stage: string;
  readonly step: number;
  readonly steps: number;
  readonly device: string;
  /** Call of the engine that is waited for; empty when none is. */
  readonly engineCall: string;
  readonly engineCallMs: number;
}
/** A place in a version's files, from which they follow in their order. */
export interface ChunkPlace {
  readonly file: string;
  readonly offset: number;
}
export interface DownloadPolicyRequest {
  readonly policy: PolicyRef;
  /** null: from the beginning. */
  readonly from: ChunkPlace | null;
}
export interface PolicyChunk {
  readonly file: string;
  readonly offset: number;
  readonly fileBytes: number;
  readonly data: Uint8Array;
  /** Of `data`; empty from an earlier version. */
  readonly sha256: Uint8Array;
}

/** segue.v1.Trainer */
export interface TrainerApi {
  initializePolicy: Unary<{ runId: string }, PolicyVersionInfo>;
  fineTune: ServerStream<{ runId: string; fromVersion: number; replace: boolean }, TrainProgress>;
  trainIteration: ServerStream<{ runId: string; iteration: number }, TrainProgress>;
  getTrainerStatus: Unary<Record<never, never>, TrainerStatus>;
  downloadPolicy: ServerStream<DownloadPolicyRequest, PolicyChunk>;
}

export interface ScoreRequest {
  readonly id: string;
  readonly scorer: string;
  readonly prompt: string;
  readonly response: string;
  readonly answer: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}
export interface ScorerInfo {
  readonly name: string;
  readonly description: string;
  readonly metadataSchemaJson: string;
  /** Registered servers that are there now; null for what is built in, and in the answer of a server of one's own. */
  readonly servers: number | null;
}
/** A server of one's own that says where it listens. */
export interface ScorerServer {
  readonly instance: string;
  /** host:port. */
  readonly address: string;
}
export interface ScorerRegistration {
  readonly scorers: readonly ScorerInfo[];
  /** Register again within this time, in ms. */
  readonly expiresAfterMs: number;
}

/** segue.v1.RewardScorer */
export interface RewardApi {
  scoreBatch: Unary<{ requests: readonly ScoreRequest[] }, { scores: readonly Score[] }>;
  listScorers: Unary<Record<never, never>, { scorers: readonly ScorerInfo[] }>;
}

/** segue.v1.ScorerList */
export type ScorerListApi = Pick<ControllerApi, 'registerScorers' | 'unregisterScorers'>;
