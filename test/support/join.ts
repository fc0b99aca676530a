/** `segue actor join` as a process of its own, and what everybody on the machine could read of the actor that it starts. */
import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { type Running, startSegue } from './command.js';

export interface Joined extends Running {
  /** host:port of the actor. */
  readonly address: string;
  /** Of the actor's process; empty where there is no /proc. */
  readonly commandLine: string;
  /** As `commandLine`; its owner alone can read it. */
  readonly environment: string;
}

/** Resolves when it has joined. Ended at the end of the test. */
export async function joinActor(t: Test, flags: readonly string[]): Promise<Joined> {
  let tellReady: (line: string) => void = () => {};
  const ready = new Promise<string>((resolve) => {
    tellReady = resolve;
  });
  const running = startSegue(['actor', 'join', '--json', ...flags], (line) => tellReady(line));
  t.teardown(async () => {
    if (running.process.exitCode === null) running.process.kill('SIGTERM');
    await running.ended;
  });
  const failed = running.ended.then(({ code, stderr }) => Promise.reject(new Error(`ended with ${code}: ${stderr}`)));
  failed.catch(() => undefined);
  const { address }: { address: string } = JSON.parse(await Promise.race([ready, failed]));
  const pid = childOf(running.process.pid ?? 0);
  const read = (name: string) => (pid === null ? '' : readFileSync(`/proc/${pid}/${name}`, 'utf8'));
  return { ...running, address, commandLine: read('cmdline'), environment: read('environ') };
}

/** The process that another one has started; null where there is no /proc. */
function childOf(pid: number): number | null {
  if (process.platform !== 'linux') return null;
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return Number(child);
}
