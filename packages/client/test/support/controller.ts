/** A controller of a few lines behind a real gRPC server, which can die and come back at its address. */
import type { Server } from '@grpc/grpc-js';
import { addService, controllerContract, createServer, type Handlers, listen, stopServer } from '@segue/bus';
import { type ControllerApi, type RunView, SegueError } from '@segue/core';
import type { Test } from 'tap';
import { connect, type SegueClient } from '../../dist/index.js';

export const unserved = async (): Promise<never> => {
  throw new SegueError('UNIMPLEMENTED', 'not in this test');
};
const noStream = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: unserved }) });

/** A run as a controller shows it. */
export function runView(id: string, state: RunView['state']): RunView {
  const problems = { trainProblems: 1, evaluationProblems: 0, warmupProblems: 0 };
  return { id, state, configJson: '{}', iterations: 3, policyVersion: 3, createdAtMs: 1, error: '', ...problems };
}

export type Changes = Partial<Handlers<ControllerApi>>;

export interface Controller {
  readonly client: SegueClient;
  /** Cuts every call, and listens again at the same address. */
  dieAndReturn(changes: Changes): Promise<void>;
  die(): Promise<void>;
}

export async function startController(t: Test, changes: Changes): Promise<Controller> {
  let server: Server;
  let stopping: AbortController;
  const begin = async (handlers: Changes, port: number) => {
    server = createServer();
    stopping = new AbortController();
    const all = Object.entries(controllerContract.methods).map(([name, rule]) => [
      name,
      rule.kind === 'server-stream' ? noStream : unserved,
    ]);
    addService(server, controllerContract, { ...Object.fromEntries(all), ...handlers }, { signal: stopping.signal });
    return listen(server, '127.0.0.1', port);
  };
  const die = () => {
    stopping.abort();
    return stopServer(server, 0);
  };
  const port = await begin(changes, 0);
  const client = connect(`127.0.0.1:${port}`);
  t.teardown(async () => {
    client.close();
    await die();
  });
  return {
    client,
    die,
    dieAndReturn: async (handlers) => {
      await die();
      await begin(handlers, port);
    },
  };
}
