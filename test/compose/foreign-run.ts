/**
 * A run that a client starts and follows from outside of the containers, with nothing but the protos: submitted at once, then heard line by line. What
 * happens to the containers meanwhile is the tests' business.
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';
import { toyConfig, toyProblems } from '../support/toy-task.js';

export const foreignToy = { ...toyConfig, iterations: 4, warmup: { ...toyConfig.warmup, steps: 40 } };

/** A line of the foreign client, as far as it is looked at. */
interface Heard {
  readonly kind: string;
  readonly body: {
    readonly phase?: string;
    readonly state?: string;
    readonly iterations?: number;
    readonly policy_version?: number;
    readonly error?: string | null;
  };
}

/** @param controller host:port as this machine reaches it @param credentials folder of a client's */
export function startForeignRun(t: Test, controller: string, credentials: string) {
  const protos = resolve(import.meta.dirname, '../../protos');
  const args = [join(import.meta.dirname, 'foreign-client.mjs'), controller, credentials, protos];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const problems = toyProblems(1).map(({ purpose, ...rest }) => ({
    ...rest,
    purpose: `PROBLEM_PURPOSE_${purpose.toUpperCase()}`,
  }));
  child.stdin.end(JSON.stringify({ runId: 'foreign-1', config: foreignToy, problems }));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<Heard | null> => {
    const { value, done } = await lines.next();
    return done ? null : JSON.parse(value);
  };
  const sees = async (wanted: (heard: Heard) => boolean): Promise<Heard> => {
    for (;;) {
      const heard = await next();
      if (heard === null) throw new Error('the foreign client ended before that');
      if (wanted(heard)) return heard;
    }
  };
  return {
    sees,
    ends: async () => (await sees(({ kind }) => kind === 'run')).body,
  };
}
