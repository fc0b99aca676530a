/**
 * The HTTP face of a process: /metrics for Prometheus, /healthz (alive), /readyz (takes work), and what the service itself adds.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SegueError } from '@segue/core';
import type { Registry } from 'prom-client';

export interface HttpFace {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers every path that is not the shell's own. */
export type HttpPages = (request: IncomingMessage, response: ServerResponse) => void;

const noPages: HttpPages = (_request, response) =>
  response.writeHead(404, { 'content-type': 'text/plain' }).end('try /metrics, /healthz or /readyz\n');

/** @param ready null when the service takes work, else why it does not */
export async function serveHttp(
  host: string,
  port: number,
  registry: Registry,
  ready: () => string | null,
  pages: HttpPages = noPages,
): Promise<HttpFace> {
  const server = createServer((request, response) => {
    const reply = (status: number, type: string, body: string) =>
      response.writeHead(status, { 'content-type': type }).end(body);
    const path = (request.url ?? '').split('?')[0];
    if (path === '/healthz') reply(200, 'text/plain', 'ok\n');
    else if (path === '/readyz') {
      const reason = ready();
      reply(reason === null ? 200 : 503, 'text/plain', `${reason ?? 'ok'}\n`);
    } else if (path === '/metrics') {
      registry.metrics().then(
        (text) => reply(200, registry.contentType, text),
        (error: unknown) => reply(500, 'text/plain', `${SegueError.from(error).message}\n`),
      );
    } else pages(request, response);
  });
  return { port: await bind(server, host, port), close: () => close(server) };
}

function bind(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const hint = 'is the port in use? Choose another --metrics-port, or 0 for a free one';
      reject(new SegueError('UNAVAILABLE', `cannot listen on ${host}:${port}: ${hint}`, error));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
