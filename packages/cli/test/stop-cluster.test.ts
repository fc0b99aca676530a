/** Stopping a cluster by its state file: with real processes in place of the one that started it. It starts no cluster. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readClusterState } from '../dist/cluster/local-cluster.js';
import { startOf } from '../dist/cluster/process-identity.js';
import { stopCluster } from '../dist/cluster/stop-cluster.js';

/** A process that runs on until it is told to end, and what SIGTERM does to it. */
async function start(t: Test, onTerm: string): Promise<{ pid: number; ended: Promise<unknown> }> {
  const script = `process.on('SIGTERM', () => { ${onTerm} }); setInterval(() => {}, 1000); console.log('ready');`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return { pid: child.pid!, ended: once(child, 'exit') };
}

function writeState(folder: string, supervisorPid: number, supervisorStartedAt: string | null): Promise<void> {
  const state = { supervisorPid, supervisorStartedAt, security: null, natsUrl: '', controller: '', processes: [] };
  return writeFile(join(folder, 'cluster.json'), JSON.stringify(state));
}

t.test('the process that started the cluster is asked and waited for', async (t) => {
  const folder = t.testdir();
  const { pid, ended } = await start(t, 'process.exit(7)');
  await writeState(folder, pid, await startOf(pid));
  t.match(await readClusterState(folder), { supervisorPid: pid });
  await stopCluster(folder);
  t.strictSame(await ended, [7, null]);
  await t.rejects(stopCluster(folder), { code: 'NOT_FOUND' });
});

t.test('one that does not stop is named', async (t) => {
  const folder = t.testdir();
  const { pid } = await start(t, '');
  await writeState(folder, pid, null);
  await t.rejects(stopCluster(folder, 50), { code: 'DEADLINE_EXCEEDED', message: new RegExp(`kill -9 ${pid}`) });
});

t.test('another process with its number is left alone', { skip: process.platform !== 'linux' }, async (t) => {
  const folder = t.testdir();
  const { pid } = await start(t, 'process.exit(7)');
  await writeState(folder, pid, '1');
  t.equal(await readClusterState(folder), null);
  await t.rejects(stopCluster(folder), { code: 'NOT_FOUND' });
  t.ok(process.kill(pid, 0), 'it runs on');
});
