/** A gRPC server's life: made with our limits, bound to an address, stopped within a time. */
import { EventEmitter } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import { Server, type ServerInterceptor } from '@grpc/grpc-js';
import { SegueError } from '@segue/core';
import { serverCredentials, type TlsMaterial } from '../access/tls.js';
import { channelOptions, windowBytes } from './channel.js';

export interface ServerOptions {
  /** Largest message, also after it was decompressed, in bytes. */
  readonly maxMessageBytes?: number | undefined;
  /** Calls at once on one connection; left out: no limit. */
  readonly maxConcurrentCalls?: number | undefined;
  /** Lets calls in or not. */
  readonly gate?: ServerInterceptor | undefined;
}

export function createServer({ maxMessageBytes, maxConcurrentCalls, gate }: ServerOptions = {}): Server {
  return new Server({
    ...channelOptions(maxMessageBytes),
    ...(maxConcurrentCalls !== undefined && { 'grpc.max_concurrent_streams': maxConcurrentCalls }),
    ...(gate && { interceptors: [gate] }),
  });
}

/** Listens; answers the port. @param port 0 picks a free one @param tls null: without */
export function listen(server: Server, host: string, port: number, tls: TlsMaterial | null = null): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, serverCredentials(tls), (error, bound) => {
      if (!error) {
        widen(server);
        return resolve(bound);
      }
      const hint = port === 0 ? 'check the host' : 'is the port in use? Choose another one, or 0 for a free one';
      reject(new SegueError('UNAVAILABLE', `cannot listen on ${host}:${port}: ${hint}`, error));
    });
  });
}

/**
 * What a client may send ahead on its connection, all its calls together. With HTTP/2's own 64 KiB a store that waits for its disk finds seven calls of 8 KB when it is done, each
 * transaction holds those alone, and the client waits. The library has this setting for clients only, and keeps its listeners to itself: where it keeps them elsewhere one day, the window stays as it was.
 */
function widen(server: Server): void {
  const listeners: unknown = Reflect.get(server, 'http2Servers');
  if (!(listeners instanceof Map)) return;
  for (const listener of listeners.keys()) {
    if (!(listener instanceof EventEmitter) || listener.listeners('session').includes(widenSession)) continue;
    listener.on('session', widenSession);
  }
}

function widenSession(session: ServerHttp2Session): void {
  session.setLocalWindowSize(windowBytes);
}

/** Refuses new calls, waits for those that run, and cuts what is left after `graceMs`: a stream may never end by itself. */
export async function stopServer(server: Server, graceMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
