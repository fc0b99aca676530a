export * from './pending.js';
export type { AnyMethod, ApiShape, CallContext, CallOptions, Client, Handlers } from './rpc/call.js';
export type {
  ActivePolicy,
  Bus,
  BusLog,
  BusOptions,
  DeadLetter,
  IterationSignal,
  Lease,
  ProgressNote,
  QueueDepth,
  QueueDepths,
  Registration,
  TakeOptions,
} from './stream/bus.js';
