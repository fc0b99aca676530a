/** Snapshots in folders without a cluster: what leads elsewhere is refused, and a restore that was cut off is run again before anything starts, and an orphan is ended. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { formatPolicyManifest, manifestFileName, type SnapshotChunk, type SnapshotRun } from '@segue/core';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
import { defaultClusterOptions, LocalCluster } from '../dist/cluster/local-cluster.js';
import { findNatsServer, natsSpec } from '../dist/cluster/nats-server.js';
import { restoreSnapshot } from '../dist/store/restore.js';
import { writeSnapshot } from '../dist/store/snapshot-folder.js';

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');
const run: SnapshotRun = { id: 'r', state: 'running', iteration: 3, iterationState: 'open', policyVersion: 3 };
const storeBytes = Buffer.from('the store of iteration 3');

async function* partsOf(runs: readonly SnapshotRun[]): AsyncGenerator<SnapshotChunk> {
  yield { offset: 0, fileBytes: storeBytes.length, sha256: sha256(storeBytes), runs, data: storeBytes };
}

/** A version as the policy store keeps it. */
function putVersion(policies: string, version: number): void {
  const content = join(policies, 'r', `.content-${version}`);
  mkdirSync(content, { recursive: true });
  const weights = `weights ${version}`;
  writeFileSync(join(content, 'w'), weights);
  const files = [{ name: 'w', bytes: weights.length, sha256: sha256(weights) }];
  const origin = { parent: version - 1, origin: 'trained', inputHash: sha256('x'), metrics: {} } as const;
  const manifest = formatPolicyManifest({ formatVersion: 1, runId: 'r', version, ...origin, files });
  writeFileSync(join(content, manifestFileName), manifest);
  symlinkSync(`.content-${version}`, join(policies, 'r', String(version)));
}

/** A cluster's folder of iteration 5, and a snapshot of iteration 3. */
async function newFolders(t: Test): Promise<{ data: string; policies: string; snapshot: string }> {
  const folder = t.testdir();
  const [data, snapshot] = [join(folder, 'data'), join(folder, 'snapshot')];
  const policies = join(data, 'policies');
  putVersion(policies, 3);
  await writeSnapshot(snapshot, partsOf([run]), policies);
  for (const version of [4, 5]) putVersion(policies, version);
  mkdirSync(join(data, 'replay'));
  writeFileSync(join(data, 'replay', 'data.mdb'), 'the store of iteration 5');
  mkdirSync(join(data, 'nats'));
  writeFileSync(join(data, 'nats', 'stream'), 'segments of iteration 5');
  return { data, policies, snapshot };
}

const modeOf = (path: string) => statSync(path).mode & 0o777;
const plainNames = (folder: string) => readdirSync(folder).filter((name) => /^\d/.test(name));

t.test('a run id that leads out of the folder is refused, from a store and from a snapshot', async (t) => {
  const folder = t.testdir();
  const odd = { ...run, id: '../elsewhere' };
  const refusal = { code: 'INVALID_INPUT', message: /run id/ };
  await t.rejects(writeSnapshot(join(folder, 'taken'), partsOf([odd]), join(folder, 'policies')), refusal);
  t.notOk(existsSync(join(folder, 'taken', 'snapshot.json')), 'so that it is no snapshot');
  const snapshot = join(folder, 'forged');
  await writeSnapshot(snapshot, partsOf([run]), join(folder, 'policies'));
  const path = join(snapshot, 'snapshot.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"r"', '"../elsewhere"'));
  await t.rejects(restoreSnapshot(snapshot, join(folder, 'data')), refusal);
});

t.test('a restore that was cut off is run again, and no cluster starts before it was', async (t) => {
  const { data, policies, snapshot } = await newFolders(t);
  const replay = join(data, 'replay');
  const whole = readFileSync(join(replay, 'data.mdb'));
  // The first try ends after the versions: there is a file in the place of the folder.
  rmSync(replay, { recursive: true });
  writeFileSync(replay, '');
  await t.rejects(restoreSnapshot(snapshot, data));
  t.strictSame(plainNames(join(policies, 'r')), ['3'], 'later versions are aside');
  const cluster = new LocalCluster({ ...defaultClusterOptions, dataFolder: data, only: ['replay'] }, () => {});
  await t.rejects(cluster.start(), {
    code: 'FAILED_PRECONDITION',
    rawMessage: `a restore of ${data} was cut off: run it again (segue store restore ${snapshot} --data ${data})`,
  });
  t.ok(existsSync(join(data, 'nats', 'stream')), 'nothing was touched');

  // Another try, cut off while it copied the store's file and before it took the link of a version away.
  rmSync(replay);
  mkdirSync(replay);
  writeFileSync(join(replay, 'data.mdb'), whole);
  writeFileSync(join(replay, 'restored-0.mdb'), 'half of it');
  symlinkSync('.content-6', join(policies, 'r', '6'));
  const { replaced } = await restoreSnapshot(snapshot, data);
  t.strictSame(readFileSync(replaced ?? ''), whole, 'what was there is kept');
  t.strictSame(readFileSync(join(replay, 'data.mdb')), storeBytes);
  t.strictSame(plainNames(join(policies, 'r')), ['3']);
  t.equal(readFileSync(join(policies, 'r', '3', 'w'), 'utf8'), 'weights 3');
  t.notOk(existsSync(join(data, 'nats')));
  t.strictSame(readdirSync(replay).sort(), ['data.mdb', replaced?.slice(replay.length + 1)]);
  t.strictSame(
    readdirSync(data).filter((name) => name.startsWith('restore')),
    [],
    'a cluster may start',
  );

  // And one that was cut off after the store's file: there is nothing left to keep.
  writeFileSync(join(data, 'restore.unfinished'), snapshot);
  t.match(await restoreSnapshot(snapshot, data), { replaced: null });
  t.strictSame(readFileSync(join(replay, 'data.mdb')), storeBytes);
});

t.test('a snapshot is its owner’s alone, and so is a data folder that is made of one', async (t) => {
  const { policies, snapshot } = await newFolders(t);
  t.equal(modeOf(snapshot), 0o700);
  const empty = join(dirname(snapshot), 'empty');
  mkdirSync(empty, { mode: 0o755 });
  await writeSnapshot(empty, partsOf([run]), policies);
  t.equal(modeOf(empty), 0o700, 'an empty folder is closed');
  const anew = join(dirname(snapshot), 'anew');
  await restoreSnapshot(snapshot, anew);
  t.equal(modeOf(anew), 0o700);
});

t.test('a message server that nobody has stopped is ended before its folder goes', async (t) => {
  const { data, snapshot } = await newFolders(t);
  const storeFolder = join(data, 'nats');
  const options = { binary: await findNatsServer(data), storeFolder, logFile: '', configFile: null };
  const { command, args } = natsSpec(options);
  const server = spawn(command, args(null), { stdio: 'ignore' });
  t.teardown(() => server.kill('SIGKILL'));
  const hasEnded = async () => server.exitCode !== null || server.signalCode !== null;
  await until(async () => existsSync(join(storeFolder, 'nats-server.pid')) || hasEnded());
  t.notOk(await hasEnded());
  await restoreSnapshot(snapshot, data);
  await until(hasEnded);
  t.notOk(existsSync(storeFolder));
});
