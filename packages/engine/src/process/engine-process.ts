/**
 * Program of an engine's process: answers the calls of the agent that started it, and ends when that one is gone. Engines run on threads, so that this
 * one always hears. Nothing computes before the device has been taken.
 */
import { assert, type ProcessCallMessage, type ProcessReply, SegueError } from '@segue/core';
import type { EngineSettings } from '../generate/engine-options.js';
import { WorkerEngine } from '../generate/worker-engine.js';
import type { EngineMethod, EngineValue } from '../generate/worker-protocol.js';
import { type ThreadOptions, TrainingThread } from '../train/training-thread.js';
import { TrainingWorker } from '../train/training-worker.js';
import { lockDevice } from './device-lock.js';
import type { ProcessCall } from './process-calls.js';

assert(process.send, 'engine-process runs as the process of an agent only');

/** Calls that put weights into memory, or use them. */
const computing: ReadonlySet<EngineMethod> = new Set(['loadVersion', 'prepareVersion', 'admit', 'generateChunk']);
const engines: WorkerEngine[] = [];
let training: TrainingWorker | null = null;
/** The device's epoch; null before it is taken. */
let epoch: number | null = null;

/** Ready to be opened: threads whose code has been read. */
let spareEngine: { readonly settings: string; readonly engine: Promise<WorkerEngine> } | null = null;
let spareThread: { readonly options: ThreadOptions; readonly thread: TrainingThread } | null = null;

function warmEngine(settings: EngineSettings): Promise<WorkerEngine> {
  const name = JSON.stringify(settings);
  if (spareEngine?.settings === name) return spareEngine.engine;
  const start = async () => {
    const engine = new WorkerEngine(settings);
    await engine.start();
    return engine;
  };
  spareEngine = { settings: name, engine: start() };
  return spareEngine.engine;
}

async function warmTraining(callTimeoutMs: number): Promise<void> {
  if (spareThread === null) {
    const options = { callTimeoutMs };
    spareThread = { options, thread: new TrainingThread(options) };
  }
  await spareThread.thread.call({ name: 'ready' });
}

async function perform(call: ProcessCall): Promise<unknown> {
  switch (call.name) {
    case 'warmEngine':
      await warmEngine(call.settings);
      return null;
    case 'warmTraining':
      if (!training) await warmTraining(call.callTimeoutMs);
      return null;
    case 'take':
      if (epoch === null) await lockDevice(call.device, call.waitMs);
      if (epoch !== null && call.epoch < epoch) {
        throw new SegueError(
          'FAILED_PRECONDITION',
          `epoch ${call.epoch} of device ${call.device} is over: it is ${epoch}`,
        );
      }
      epoch = call.epoch;
      return null;
    case 'openEngine': {
      const engine = await warmEngine(call.settings);
      spareEngine = null;
      return engines.push(engine) - 1;
    }
    case 'engine': {
      const engine = engines[call.engine];
      assert(engine, 'the engine has been opened');
      if (computing.has(call.method)) requireDevice();
      // A call's arguments are those of its method: `ProcessEngine` is the only sender.
      const method: (...args: never[]) => Promise<EngineValue<EngineMethod>> = engine[call.method];
      return method.apply(engine, call.args as never[]);
    }
    case 'openTraining':
      requireDevice();
      assert(spareThread, 'the training was warmed up');
      training = await TrainingWorker.start(call.start, spareThread.options, spareThread.thread);
      return null;
    case 'training': {
      assert(training, 'the training has been opened');
      // As above: `ProcessTraining` is the only sender.
      const method: (...args: never[]) => Promise<unknown> = training[call.method];
      return method.apply(training, call.args as never[]);
    }
  }
}

function requireDevice(): void {
  if (epoch === null) throw new SegueError('FAILED_PRECONDITION', 'the process stands by: it has not taken the device');
}

async function answer({ id, call }: ProcessCallMessage): Promise<void> {
  let reply: ProcessReply;
  try {
    // The agent's side sends nothing else.
    reply = { id, ok: true, value: await perform(call as ProcessCall) };
  } catch (error) {
    const { code, rawMessage } = SegueError.from(error);
    reply = { id, ok: false, code, message: rawMessage };
  }
  if (process.connected) process.send?.(reply);
}

process.on('message', (message) => void answer(message as ProcessCallMessage));
// An engine inside a run cannot be told to stop, and a lock outlives nobody.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
