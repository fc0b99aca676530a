/** A gRPC server's life: made with our limits, bound to an address, stopped within a time. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { SegueError } from '@segue/core';
import { channelOptions } from './channel.js';

export function createServer(options: { readonly maxMessageBytes?: number | undefined } = {}): Server {
  return new Server(channelOptions(options.maxMessageBytes));
}

/** Listens; answers the port. @param port 0 picks a free one */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (!error) return resolve(bound);
      const hint = port === 0 ? 'check the host' : 'is the port in use? Choose another one, or 0 for a free one';
      reject(new SegueError('UNAVAILABLE', `cannot listen on ${host}:${port}: ${hint}`, error));
    });
  });
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
