/**
 * The HTTP face of a checkpoint agent, for the sidecar beside it and for operators: on loopback alone, since it asks nobody for credentials.
 * GET /healthz and /status; POST /start, /load, /release, /terminate, /restart, each answered with the status after it. A page in a browser cannot
 * reach it: its requests name a foreign host, or come without a JSON type.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback } from '@segue/bus';
import { SegueError } from '@segue/core';
import type { CheckpointAgent } from './agent.js';

/** What an agent's engine is asked to load: a version of a run. */
export interface LoadOrder {
  readonly runId: string;
  readonly version: number;
}

/** What the engine's owner does when the agent is asked from outside, so that it is not taken by surprise. */
export interface AgentOwner {
  load(order: LoadOrder): Promise<void>;
  release(): Promise<void>;
}

export interface AgentFace {
  /** host:port. */
  readonly address: string;
  close(): Promise<void>;
}

const host = '127.0.0.1';
const maxBodyBytes = 4_096;

export async function serveAgent(agent: CheckpointAgent, owner: AgentOwner, port: number): Promise<AgentFace> {
  const actions: Readonly<Record<string, (body: unknown) => Promise<unknown>>> = {
    '/start': () => agent.standBy(),
    '/load': (body) => owner.load(orderOf(body)),
    '/release': () => owner.release(),
    '/terminate': () => agent.release(),
    '/restart': () => agent.restart(),
  };
  const answer = async (request: IncomingMessage): Promise<object> => {
    requireLocal(request);
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (request.method === 'GET' && path === '/healthz') return { ok: true };
    if (request.method === 'GET' && path === '/status') return agent.status();
    const action = actions[path];
    if (!action || request.method !== 'POST') {
      const known = `GET /healthz, /status; POST ${Object.keys(actions).join(', ')}`;
      throw new SegueError('NOT_FOUND', `the agent answers ${known}`);
    }
    await action(await bodyOf(request));
    return agent.status();
  };
  const server = createServer((request, response) => {
    answer(request).then(
      (value) => reply(response, 200, value),
      (cause) => {
        const { code, rawMessage } = SegueError.from(cause);
        reply(response, httpStatus[code] ?? 500, { code, message: rawMessage });
      },
    );
  });
  await listen(server, port);
  const { port: bound } = server.address() as AddressInfo;
  return { address: `${host}:${bound}`, close: () => close(server) };
}

const httpStatus: Readonly<Partial<Record<SegueError['code'], number>>> = {
  INVALID_INPUT: 400,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  FAILED_PRECONDITION: 409,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

function requireLocal({ headers, method }: IncomingMessage): void {
  const name = (headers.host ?? '').replace(/:\d+$/, '');
  if (!isLoopback(name)) throw new SegueError('PERMISSION_DENIED', 'the agent answers this host alone');
  const type = (headers['content-type'] ?? '').split(';')[0];
  if (method === 'POST' && type !== 'application/json') {
    throw new SegueError('INVALID_INPUT', 'send content-type: application/json');
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBodyBytes) throw new SegueError('INVALID_INPUT', `the body is longer than ${maxBodyBytes} bytes`);
    parts.push(part);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch (error) {
    throw new SegueError('INVALID_INPUT', 'the body is not JSON', error);
  }
}

function orderOf(body: unknown): LoadOrder {
  if (typeof body === 'object' && body !== null && 'runId' in body && 'version' in body) {
    const { runId, version } = body;
    if (typeof runId === 'string' && typeof version === 'number' && Number.isInteger(version) && version >= 0) {
      return { runId, version };
    }
  }
  throw new SegueError('INVALID_INPUT', 'send {"runId": "...", "version": 0}');
}

function reply(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const hint = 'is the port in use? Choose another agentPort, or 0 for a free one';
      reject(new SegueError('UNAVAILABLE', `the agent cannot listen on ${host}:${port}: ${hint}`, error));
    });
    server.listen(port, host, () => resolve());
  });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
