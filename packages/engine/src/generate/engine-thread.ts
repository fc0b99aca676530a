/** Entry of the worker thread behind `WorkerEngine`: runs a `LocalEngine` and answers its calls; their order is the engine's to keep. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, SegueError } from '@segue/core';
import type { EngineSettings } from './engine-options.js';
import { LocalEngine } from './local-engine.js';
import {
  type CallMessage,
  type EngineMethod,
  type EngineValue,
  type ReplyMessage,
  valueBuffers,
} from './worker-protocol.js';

const port = parentPort;
assert(port, 'engine-thread runs as a worker thread only');
const engine = new LocalEngine(workerData as EngineSettings);

async function perform(message: CallMessage): Promise<EngineValue<EngineMethod>> {
  // A call's arguments are those of its method: `WorkerEngine` is the only sender.
  const method: (...args: never[]) => Promise<EngineValue<EngineMethod>> = engine[message.method];
  return method.apply(engine, message.args as never[]);
}

async function answer(message: CallMessage): Promise<void> {
  let reply: ReplyMessage;
  try {
    reply = { call: message.call, ok: true, value: await perform(message) };
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    reply = { call: message.call, ok: false, code, message: rawMessage };
  }
  port?.postMessage(reply, reply.ok ? valueBuffers(reply.value) : []);
  // With the port closed nothing keeps the thread alive: it ends by itself, outside of any run.
  if (message.method === 'stop') port?.close();
}

port.on('message', (message: CallMessage) => void answer(message));
