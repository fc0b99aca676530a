/** Entry of the thread behind TrainingThread: runs a TrainingEngine and answers calls in the order they came. */
import { parentPort } from 'node:worker_threads';
import { assert, SegueError } from '@segue/core';
import { parameterLayout } from '../model/layout.js';
import type {
  Call,
  CallMessage,
  CallName,
  HelperStart,
  Reply,
  ResultOf,
  SharedArrays,
  WorkerStart,
} from './training-calls.js';
import { TrainingEngine } from './training-engine.js';

const port = parentPort;
assert(port, 'thread-entry runs as a worker thread only');

interface State {
  readonly engine: TrainingEngine;
  shared: SharedArrays | null;
  /** This thread's place among the helpers; null for the first thread. */
  helper: number | null;
}

let state: State | null = null;

async function open(start: WorkerStart | HelperStart): Promise<TrainingEngine> {
  if ('helperOf' in start) {
    return new TrainingEngine(start.helperOf, new Float32Array(parameterLayout(start.helperOf).length), start.options);
  }
  const { source, options } = start;
  if ('folder' in source) return TrainingEngine.open(source.folder, options);
  return TrainingEngine.initialize(source.config, source.seed, options, source.init);
}

/** Lets the helpers see the parameters as they are now. */
function shareParameters({ engine, shared }: State): void {
  shared?.parameters.set(engine.parameters);
}

function giveGradient({ engine, shared, helper }: State): boolean {
  if (!engine.hasGradient || helper === null) return false;
  shared?.gradients[helper]?.set(engine.gradient);
  engine.dropGradient();
  return true;
}

async function step(current: State, { learningRate, helpers }: Extract<Call, { name: 'step' }>) {
  const { engine, shared } = current;
  for (const helper of helpers) {
    const gradient = shared?.gradients[helper];
    if (gradient) engine.addGradient(gradient);
  }
  const result = await engine.step(learningRate);
  shareParameters(current);
  return result;
}

async function perform(call: Call): Promise<ResultOf<CallName>> {
  if (call.name === 'ready') return undefined;
  if (call.name === 'start') {
    state = { engine: await open(call.from), shared: null, helper: null };
    return state.engine.config;
  }
  if (call.name === 'stop') {
    await state?.engine.dispose();
    return undefined;
  }
  if (!state) throw new SegueError('FAILED_PRECONDITION', 'the training engine has no policy');
  const { engine } = state;
  switch (call.name) {
    case 'useThreads':
      engine.useThreads(call.threads);
      return undefined;
    case 'share':
      state.shared = call.shared;
      state.helper = call.helper;
      if (call.helper === null) shareParameters(state);
      return undefined;
    case 'logProbs':
      return engine.logProbs(call.rows, call.options);
    case 'policyGradients':
      return engine.policyGradients(call.rows, call.options);
    case 'policyStep':
      return engine.policyStep(call.rows, call.options);
    case 'supervisedStep':
      return engine.supervisedStep(call.rows, call.learningRate);
    case 'supervisedGradients':
      return engine.supervisedGradients(call.rows, call.options);
    case 'giveGradient':
      return giveGradient(state);
    case 'step':
      return step(state, call);
    case 'takeParameters':
      if (state.shared) engine.parameters.set(state.shared.parameters);
      return undefined;
    case 'resetOptimizer':
      engine.resetOptimizer();
      return undefined;
    case 'dropGradient':
      engine.dropGradient();
      return undefined;
    case 'load':
      await engine.load(call.folder);
      shareParameters(state);
      return undefined;
    case 'save':
      return engine.save(call.folder, call.companions);
    case 'status':
      return { config: engine.config, parameters: engine.layout.parameters, residentBytes: process.memoryUsage.rss() };
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
