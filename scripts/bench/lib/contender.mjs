/**
 * A process that is measured beside others: it says `{"ready": version}`, and what else is to be known about it, when it can begin, then answers
 * every line with one line of JSON.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { peakBytes } from './memory.mjs';

/** @param [env] added to the environment of this process */
export async function startContender(command, args, env = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args.join(' ')} has ended`);
    return JSON.parse(value);
  };
  const about = await next();
  return {
    pid: child.pid,
    version: about.ready,
    about,
    /** @param [request] sent with the line, as JSON */
    step: (request) => {
      child.stdin.write(`${request === undefined ? '' : JSON.stringify(request)}\n`);
      return next();
    },
    /** Largest resident set so far, in MB. */
    peakMb: () => peakBytes(child.pid) / 1e6,
    end: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      await exited;
    },
  };
}
