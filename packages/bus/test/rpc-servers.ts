/** Real gRPC servers and clients for the tests of calls, with every RPC unserved but those that a test gives. */
import type { Server } from '@grpc/grpc-js';
import { type ActorApi, type GenerateRequest, type GenerateResult, type ReplayApi, SegueError } from '@segue/core';
import type { Test } from 'tap';
import {
  actorContract,
  addService,
  type CallReport,
  type Client,
  connectActor,
  connectReplay,
  createServer,
  type Handlers,
  listen,
  replayContract,
  stopServer,
} from '../dist/index.js';

export const unserved = async (): Promise<never> => {
  throw new SegueError('UNIMPLEMENTED', 'not in this test');
};
export const noStream = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: unserved }) });

export function actorHandlers(changes: Partial<Handlers<ActorApi>>): Handlers<ActorApi> {
  const all = {
    getActorStatus: unserved,
    loadPolicy: unserved,
    preparePolicy: unserved,
    releaseDevice: unserved,
    drain: unserved,
  };
  return { generate: noStream, downloadPolicy: noStream, ...all, ...changes };
}

/** Every RPC of the store unserved but those given. */
export function replayHandlers(changes: Partial<Handlers<ReplayApi>>): Handlers<ReplayApi> {
  const all = Object.entries(replayContract.methods).map(([name, rule]) => [
    name,
    rule.kind === 'server-stream' ? noStream : unserved,
  ]);
  return { ...Object.fromEntries(all), ...changes };
}

export interface Served {
  readonly server: Server;
  readonly port: number;
  readonly stopping: AbortController;
  readonly reports: CallReport[];
}

export async function serveActor(
  t: Test,
  changes: Partial<Handlers<ActorApi>>,
  port = 0,
): Promise<Served & { client: Client<ActorApi> }> {
  const server = createServer({ maxMessageBytes: 1 << 20 });
  const served = { server, stopping: new AbortController(), reports: [] as CallReport[] };
  addService(server, actorContract, actorHandlers(changes), {
    signal: served.stopping.signal,
    onCall: (report) => served.reports.push(report),
  });
  const bound = await listen(server, '127.0.0.1', port);
  const client = connectActor(`127.0.0.1:${bound}`, { maxMessageBytes: 1 << 20 });
  t.teardown(async () => {
    client.close();
    await stopServer(server, 0);
  });
  return { ...served, port: bound, client };
}

export async function serveReplay(
  t: Test,
  changes: Partial<Handlers<ReplayApi>>,
): Promise<{ client: Client<ReplayApi> }> {
  const server = createServer();
  addService(server, replayContract, replayHandlers(changes));
  const client = connectReplay(`127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
  t.teardown(async () => {
    client.close();
    await stopServer(server, 0);
  });
  return { client };
}

export const request: GenerateRequest = {
  runId: 'r',
  policyVersion: null,
  prompts: [],
  sampling: { temperature: 1, topK: 0, topP: 1 },
  maxTokens: 1,
  seed: 1,
  stopOnRepeat: false,
};

export function result(id: number, tokens = 1): GenerateResult {
  return {
    id: String(id),
    tokens: new Int32Array(tokens),
    logProbs: new Float32Array(tokens),
    endReason: 'stop',
    policyVersion: 0,
    text: '',
  };
}

/** A promise that is settled from outside. */
export function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

export const untilAbort = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
