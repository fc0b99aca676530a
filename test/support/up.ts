/** `segue up` as a process of its own, in a temporary folder: a real cluster for clients in other processes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Running, startSegue } from './command.js';

export interface UpCluster extends Running {
  /** host:port */
  readonly controller: string;
  /** Temporary; the data lies below it. */
  readonly folder: string;
  /** What it has printed on stdout. */
  readonly lines: readonly string[];
}

/** Stopped, and its folder removed, at the end of the test. */
export async function startUp(t: Test, ...flags: readonly string[]): Promise<UpCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'segue-up-'));
  const lines: string[] = [];
  let tellReady: (line: string) => void = () => {};
  const ready = new Promise<string>((resolve) => {
    tellReady = resolve;
  });
  const up = startSegue(['up', '--data', join(folder, 'data'), '--json', ...flags], (line) => {
    lines.push(line);
    tellReady(line);
  });
  t.teardown(async () => {
    if (up.process.exitCode === null) up.process.kill('SIGTERM');
    await up.ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const line = await Promise.race([ready, up.ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
  const { controller }: { controller: string } = JSON.parse(line);
  return { ...up, controller, folder, lines };
}
