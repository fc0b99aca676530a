/** Entry of the thread behind TrainingWorker: runs a TrainingEngine and answers calls in the order they came. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert, SegueError } from '@segue/core';
import type { Call, CallMessage, CallName, Reply, ResultOf, WorkerStart } from './training-calls.js';
import { TrainingEngine } from './training-engine.js';

const port = parentPort;
assert(port, 'training-thread runs as a worker thread only');
let engine: TrainingEngine | null = null;

async function open({ source, options }: WorkerStart): Promise<TrainingEngine> {
  if ('folder' in source) return TrainingEngine.open(source.folder, options);
  return TrainingEngine.initialize(source.config, source.seed, options, source.init);
}

async function perform(call: Call): Promise<ResultOf<CallName>> {
  if (call.name === 'start') {
    engine = await open(workerData as WorkerStart);
    return undefined;
  }
  if (call.name === 'stop') {
    await engine?.dispose();
    return undefined;
  }
  if (!engine) throw new SegueError('FAILED_PRECONDITION', 'the training engine has no policy');
  switch (call.name) {
    case 'logProbs':
      return engine.logProbs(call.rows, call.options);
    case 'policyGradients':
      return engine.policyGradients(call.rows, call.options);
    case 'supervisedGradients':
      return engine.supervisedGradients(call.rows, call.options);
    case 'supervisedStep':
      return engine.supervisedStep(call.rows, call.learningRate);
    case 'step':
      return engine.step(call.learningRate);
    case 'resetOptimizer':
      engine.resetOptimizer();
      return undefined;
    case 'dropGradient':
      engine.dropGradient();
      return undefined;
    case 'load':
      await engine.load(call.folder);
      return undefined;
    case 'save':
      await engine.save(call.folder, call.companions);
      return undefined;
    case 'status':
      return {
        config: engine.config,
        parameters: engine.layout.parameters,
        residentBytes: process.memoryUsage.rss(),
      };
  }
}

async function answer({ id, call }: CallMessage): Promise<void> {
  let reply: Reply;
  try {
    reply = { id, ok: true, value: await perform(call) };
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    reply = { id, ok: false, code, message: rawMessage };
  }
  port?.postMessage(reply);
  // With the port closed nothing keeps the thread alive: it ends by itself, outside of any run.
  if (call.name === 'stop') port?.close();
}

let last: Promise<void> = Promise.resolve();
port.on('message', (message: CallMessage) => {
  last = last.then(() => answer(message));
});
