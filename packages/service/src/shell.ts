/**
 * The shell as a service sees it: what a process needs beside its own work. The life cycle is in run-service.ts.
 */

import type { ApiShape, Bus, Client, Contract, Handlers, Registration, TlsMaterial } from '@segue/bus';
import type {
  ActorApi,
  CommonConfig,
  ControllerApi,
  ReplayApi,
  RewardApi,
  ScorerListApi,
  ServiceName,
  TrainerApi,
} from '@segue/core';
import type { Logger } from 'pino';
import type { HttpPages } from './http.js';
import type { Metrics } from './metrics.js';

/** Typed clients of the peers, one connection each, made at the first use. */
export interface Peers {
  /** Address from `peers`, else from the registry; waits up to a deadline and then says who is missing. */
  replay(): Promise<Client<ReplayApi>>;
  trainer(): Promise<Client<TrainerApi>>;
  reward(): Promise<Client<RewardApi>>;
  /** The list that the reward service keeps. */
  scorerList(): Promise<Client<ScorerListApi>>;
  controller(): Promise<Client<ControllerApi>>;
  /** There are many actors: the caller knows which. */
  actor(address: string): Client<ActorApi>;
}

export interface Shell<C extends CommonConfig> {
  readonly name: ServiceName;
  readonly config: C;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Connected; streams and buckets are there. */
  readonly bus: Bus;
  readonly peers: Peers;
  /** By which this service shows who it is; undefined where nobody is asked. */
  readonly tls: TlsMaterial | undefined;
  /** gRPC address as peers reach it; known once the service listens (after `build`). */
  readonly address: string;
  /** Fires when the service begins to stop. */
  readonly signal: AbortSignal;
  /** Serves an API; call it in `build`. */
  serve<Api extends ApiShape<Api>>(contract: Contract<Api>, handlers: Handlers<Api>): void;
  /** Answers what comes to the HTTP port beside /metrics, /healthz and /readyz; call it in `build`. */
  servePages(pages: HttpPages): void;
  /** Run after the service listens, before it says that it is ready; in order. */
  onStart(name: string, start: () => Promise<void>, timeoutMs?: number): void;
  /** Run at the stop, newest first, before connections close. */
  onStop(name: string, stop: () => Promise<void>, timeoutMs?: number): void;
  /** Repeats `work`, `intervalMs` after each end; from the start on until the stop. Errors are logged and counted, and the loop goes on. */
  loop(name: string, intervalMs: number, work: (signal: AbortSignal) => Promise<void>): void;
  /** A task that should last as long as the service: begun again, after a pause, when it fails or ends. */
  keep(name: string, work: (signal: AbortSignal) => Promise<void>): void;
  /** What the heartbeat says beside id and addresses. */
  register(extra: () => Partial<Registration>): void;
  /** Sends a heartbeat at once: something that others wait for has changed. */
  announce(): Promise<void>;
  /** Begins an orderly stop with exit code 1: the service cannot go on. */
  fail(error: unknown): void;
}

/** Wires a service up: makes its parts, calls `serve`, `onStop`, `loop`. The bus is connected; nothing listens yet. */
export type Build<C extends CommonConfig> = (shell: Shell<C>) => Promise<void>;
