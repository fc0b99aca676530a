/** The thread of an actor's engine, with two changes: the trajectory in `POISON_TRAJECTORY` kills the process, and every chunk takes a little longer. */
import { setTimeout as pause } from 'node:timers/promises';
import { LocalEngine } from '../../../packages/engine/dist/generate/local-engine.js';

const poison = process.env.POISON_TRAJECTORY;
const pauseMs = Number(process.env.CHUNK_PAUSE_MS ?? 0);
const { admit, generateChunk } = LocalEngine.prototype;
let poisoned = false;
LocalEngine.prototype.admit = async function (requests) {
  poisoned ||= requests.some(({ id }) => id === poison);
  return admit.call(this, requests);
};
LocalEngine.prototype.generateChunk = async function () {
  if (poisoned) process.kill(process.pid, 'SIGKILL');
  await pause(pauseMs);
  return generateChunk.call(this);
};
await import('../../../packages/engine/dist/generate/engine-thread.js');
