/** All wire formats: typed gRPC clients and servers, JetStream queues, buckets and codecs. */
export { type FirstOf, firstOf, pause, untilAborted } from './abort.js';
export { type CallerRule, createCallerGate } from './access/caller-gate.js';
export { createGate, type GateOptions, type Refusal } from './access/gate.js';
export { identityOf, subjectOf } from './access/identity.js';
export { certificateEndMs, readTls, type TlsFiles, type TlsMaterial } from './access/tls.js';
export { formatTokens, mintToken, readTokens, TokenFile } from './access/tokens.js';
export { actorContract } from './contracts/actor.js';
export { controllerContract } from './contracts/controller.js';
export { replayContract } from './contracts/replay.js';
export { rewardContract, scorerListContract } from './contracts/reward.js';
export { tablesContract } from './contracts/tables.js';
export { trainerContract } from './contracts/trainer.js';
export type { AnyMethod, ApiShape, CallContext, CallOptions, Client, Handlers } from './rpc/call.js';
export { defaultMaxMessageBytes } from './rpc/channel.js';
export { type ConnectOptions, connect } from './rpc/client.js';
export type { Contract } from './rpc/contract.js';
export { createServer, listen, type ServerOptions, stopServer } from './rpc/listen.js';
export { isLoopback } from './rpc/loopback.js';
export { loadProtos } from './rpc/protos.js';
export { reflectedProtos } from './rpc/reflected.js';
export { type Attempts, isLostCall, withRetries } from './rpc/retry.js';
export { addService, type CallReport, type ServeOptions } from './rpc/server.js';
export {
  connectActor,
  connectController,
  connectReplay,
  connectReward,
  connectScorerList,
  connectTables,
  connectTrainer,
} from './rpc/services.js';
export type {
  ActivePolicy,
  Bus,
  BusLog,
  BusOptions,
  DeadLetter,
  Delivered,
  Deliveries,
  HeldLetter,
  IterationSignal,
  KeptLease,
  Lease,
  LostTries,
  ProgressNote,
  QueueDepth,
  QueueDepths,
  Registration,
  ScorerEntry,
  TakeOptions,
  TracesById,
} from './stream/bus.js';
export { decodeRow, encodeRow } from './stream/codec-rows.js';
export { printableUrl, watchStreams } from './stream/connection.js';
export { connectBus } from './stream/jet-bus.js';
export { formatNatsConfig, makeNatsSeed, natsUserOf } from './stream/nats-config.js';
export { inboxPrefix, permissionsOf } from './stream/permissions.js';
export {
  currentTrace,
  inSpan,
  isTracing,
  OpenSpan,
  type SpanText,
  type TraceParent,
  traced,
  turnOnTracing,
} from './tracing.js';
