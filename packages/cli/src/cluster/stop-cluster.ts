/**
 * Stops the local cluster of a data folder from outside: asks the process that started it, and waits until it has stopped everything. Killing is left to a person.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SegueError } from '@segue/core';
import { readClusterState } from './local-cluster.js';

const lookIntervalMs = 100;
/** The cluster stops in five steps, each of which waits 25 s for its processes at most. */
const patienceMs = 150_000;

/** @throws SegueError DEADLINE_EXCEEDED, naming the process, when it runs on after `timeoutMs` */
export async function stopCluster(folder: string, timeoutMs: number = patienceMs): Promise<void> {
  const state = await readClusterState(folder);
  if (!state) throw new SegueError('NOT_FOUND', `no cluster runs on ${folder}`);
  const { supervisorPid: pid } = state;
  signal(pid);
  const deadlineAtMs = performance.now() + timeoutMs;
  while (await readClusterState(folder)) {
    if (performance.now() > deadlineAtMs) {
      throw new SegueError(
        'DEADLINE_EXCEEDED',
        `process ${pid}, which was asked to stop the cluster on ${folder}, runs on after ${timeoutMs / 1_000} s: see ${folder}/logs, or end it (kill -9 ${pid})`,
      );
    }
    await sleep(lookIntervalMs);
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // It has ended since it was looked for.
    if (code === 'ESRCH') return;
    if (code !== 'EPERM') throw SegueError.from(error);
    throw new SegueError('PERMISSION_DENIED', `process ${pid}, which started the cluster, is somebody else's`, error);
  }
}
