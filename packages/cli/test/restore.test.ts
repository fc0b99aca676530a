/** Snapshots in folders without a cluster: what leads elsewhere is refused, and a restore that was cut off is run again before anything starts, and an orphan is ended. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatPolicyManifest, manifestFileName, type SnapshotChunk, type SnapshotRun } from '@segue/core';
import t, { type Test } from 'tap';
import { until } from '../../../test/support/waiting.js';
import { defaultClusterOptions, LocalCluster } from '../dist/cluster/local-cluster.js';
import { findNatsServer, natsSpec } from '../dist/cluster/nats-server.js';
import { restoreSnapshot } from '../dist/store/restore.js';
import { writeSnapshot as writeAndWarn } from '../dist/store/snapshot-folder.js';

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');
const run: SnapshotRun = { id: 'r', state: 'running', iteration: 3, iterationState: 'open', policyVersion: 3 };
const storeBytes = Buffer.from('the store of iteration 3');

async function* partsOf(
  runs: readonly SnapshotRun[],
  retiredRuns: readonly string[] | null = [],
): AsyncGenerator<SnapshotChunk> {
  yield { offset: 0, fileBytes: storeBytes.length, sha256: sha256(storeBytes), runs, retiredRuns, data: storeBytes };
}

/** A version as the policy store keeps it. */
function putVersion(policies: string, version: number, runId = 'r'): void {
  const content = join(policies, runId, `.content-${version}`);
  mkdirSync(content, { recursive: true });
  const weights = `weights ${version}`;
  writeFileSync(join(content, 'w'), weights);
  const files = [{ name: 'w', bytes: weights.length, sha256: sha256(weights) }];
  const origin = { parent: Math.max(0, version - 1), origin: 'trained', inputHash: sha256('x'), metrics: {} } as const;
  const manifest = formatPolicyManifest({ formatVersion: 1, runId, version, ...origin, files });
  writeFileSync(join(content, manifestFileName), manifest);
  symlinkSync(`.content-${version}`, join(policies, runId, String(version)));
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

/** Of a snapshot that has all. */
const noWarning = (text: string): void => void t.fail(text);
const writeSnapshot = (folder: string, parts: AsyncGenerator<SnapshotChunk>, policies: string, warn = noWarning) =>
  writeAndWarn(folder, parts, policies, warn);

const modeOf = (path: string) => statSync(path).mode & 0o777;
const plainNames = (folder: string) => readdirSync(folder).filter((name) => /^\d/.test(name));

t.test('a run id that leads out of the folder is refused, from a store and from a snapshot', async (t) => {
  const folder = t.testdir();
  const odd = { ...run, id: '../elsewhere' };
  const refusal = { code: 'INVALID_INPUT', message: /run id/ };
  const taken = writeSnapshot(join(folder, 'taken'), partsOf([odd]), join(folder, 'policies'), () => {});
  await t.rejects(taken, refusal);
  t.notOk(existsSync(join(folder, 'taken', 'snapshot.json')), 'so that it is no snapshot');
  const snapshot = join(folder, 'forged');
  await writeSnapshot(snapshot, partsOf([run]), join(folder, 'policies'), () => {});
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

t.test('a version that is removed while the store comes is in the snapshot', async (t) => {
  const folder = t.testdir();
  const policies = join(folder, 'policies');
  putVersion(policies, 3);
  const half = Buffer.alloc(storeBytes.length);
  const copied = join(folder, 'snapshot', 'policies', 'r', '3', 'w');
  async function* slowly(): AsyncGenerator<SnapshotChunk> {
    const data = Buffer.concat([storeBytes, half]);
    const head = { fileBytes: data.length, sha256: sha256(data), runs: [run], retiredRuns: [] };
    yield { ...head, offset: 0, data: storeBytes };
    // As long as it takes, and it begins with the first part.
    for (let looks = 0; looks < 400 && !existsSync(copied); looks++) await new Promise((done) => setTimeout(done, 5));
    rmSync(policies, { recursive: true });
    yield { ...head, offset: storeBytes.length, data: half };
  }
  await writeSnapshot(join(folder, 'snapshot'), slowly(), policies);
  t.equal(readFileSync(copied, 'utf8'), 'weights 3');
});

t.test('a snapshot whose file was removed while its weights were copied is none', async (t) => {
  const folder = t.testdir();
  const [policies, target] = [join(folder, 'policies'), join(folder, 'snapshot')];
  putVersion(policies, 3);
  const half = Buffer.alloc(storeBytes.length);
  async function* overtaken(): AsyncGenerator<SnapshotChunk> {
    const data = Buffer.concat([storeBytes, half]);
    const head = { fileBytes: data.length, sha256: sha256(data), runs: [run], retiredRuns: [] };
    yield { ...head, offset: 0, data: storeBytes };
    await until(async () => existsSync(join(target, 'policies', 'r', '3')));
    // Another one of the series clears away what is not whole; a copy that goes on makes the folder again.
    rmSync(target, { recursive: true });
    mkdirSync(target);
    yield { ...head, offset: storeBytes.length, data: half };
  }
  await t.rejects(writeSnapshot(target, overtaken(), policies), {
    code: 'UNAVAILABLE',
    message: /was removed while it was taken/,
  });
  t.strictSame(readdirSync(target), [], 'nothing says that it is whole');
});

t.test('a snapshot in a folder that cannot be closed is taken, and says so', async (t) => {
  const folder = t.testdir();
  const target = join(folder, 'shared');
  mkdirSync(target);
  chmodSync(target, 0o1777);
  const warnings: string[] = [];
  await writeSnapshot(target, partsOf([]), join(folder, 'policies'), (text) => warnings.push(text));
  t.match(warnings, [/shared is open to other users and cannot be closed/]);
  t.ok(existsSync(join(target, 'snapshot.json')));
});

t.test('a snapshot without the weights that its runs go on from is none, or says so', async (t) => {
  const folder = t.testdir();
  const policies = join(folder, 'policies');
  let taken = 0;
  const take = async (stand: Partial<SnapshotRun>, from = policies) => {
    const warnings: string[] = [];
    const target = join(folder, `snapshot-${taken++}`);
    await writeSnapshot(target, partsOf([{ ...run, ...stand }]), from, (text) => warnings.push(text));
    return warnings;
  };
  for (const version of [4, 5]) putVersion(policies, version);
  await t.rejects(take({}), { code: 'UNAVAILABLE', message: /run r has gone on .*version 3.* take it again/ });
  t.notOk(existsSync(join(folder, 'snapshot-0', 'snapshot.json')), 'so that it is no snapshot');
  // The name is there, and a file of it is not.
  rmSync(join(policies, 'r', '.content-4', 'w'));
  t.strictSame(
    await take({ policyVersion: 4 }),
    [`files of version 4 of run r are missing in ${policies}: its weights are left out`],
    'what is broken for good keeps no store from being saved',
  );
  rmSync(join(policies, 'r', '4'));
  await t.rejects(take({ policyVersion: 4 }), { code: 'UNAVAILABLE' });
  t.strictSame(await take({ policyVersion: 5, iterationState: 'frozen' }), [], 'what is not made yet is not needed');
  t.strictSame(
    await take({ policyVersion: 0, iteration: null, iterationState: null }),
    [],
    'nor is it before the start',
  );
  t.strictSame(await take({ state: 'finished' }), [], 'nor when the run is over');
  t.strictSame(await take({ policyVersion: 7 }), [
    `run r goes on from version 7, whose weights are not in ${policies}`,
  ]);
  writeFileSync(join(policies, 'r', '.content-5', 'w'), 'other');
  t.match(await take({ policyVersion: 5 }), ['the weights of version 5 of run r are damaged, and left out']);
  t.match(await take({}, join(folder, 'nowhere')), [/there is no folder .*nowhere.* r cannot go on/]);
});

t.test('a restore names the runs that have no weights to go on from', async (t) => {
  const { data, policies, snapshot } = await newFolders(t);
  const [bare, odd] = [join(data, '..', 'bare'), join(data, '..', 'odd')];
  await writeSnapshot(bare, partsOf([run]), join(data, 'nowhere'), () => {});
  t.strictSame((await restoreSnapshot(bare, data)).missing, [], 'they are in their place');
  rmSync(join(policies, 'r'), { recursive: true });
  t.strictSame((await restoreSnapshot(bare, data)).missing, [{ runId: 'r', version: 3 }]);
  const over = { ...run, id: 'over', state: 'finished' as const };
  await writeSnapshot(odd, partsOf([over]), policies, () => {});
  t.strictSame((await restoreSnapshot(odd, data)).missing, [], 'a run that is over needs none');
  t.strictSame((await restoreSnapshot(snapshot, data)).missing, []);
});

t.test('a later version that the trainer was taking over when it died does not come back', async (t) => {
  const { data, policies, snapshot } = await newFolders(t);
  const at = (name: string) => join(policies, 'r', name);
  // 5 had lost its name, of 4 somebody had put a copy back, 6 had a link that led nowhere yet; 2 is of before.
  for (const version of [2, 6]) putVersion(policies, version);
  for (const version of [2, 4, 5, 6])
    cpSync(at(`.content-${version}`), at(`.adopting-${version}`), { recursive: true });
  writeFileSync(at('.adopting-4/w'), 'weights again');
  for (const name of ['2', '5', '.content-6']) rmSync(at(name), { recursive: true });
  putVersion(policies, 0, 'later');
  renameSync(join(policies, 'later', '.content-0'), join(policies, 'later', '.adopting-0'));
  rmSync(join(policies, 'later', '0'));

  t.strictSame((await restoreSnapshot(snapshot, data)).unknown, ['later'], 'nor to a run that gets its id');
  const [aside = ''] = readdirSync(policies).filter((name) => name.startsWith('replaced-'));
  t.strictSame(readdirSync(join(policies, aside, 'r')).sort(), ['4', '4-again', '5', '6']);
  for (const version of [4, 5, 6])
    t.equal(readFileSync(join(policies, aside, 'r', `${version}`, 'w'), 'utf8'), `weights ${version}`);
  const adopting = readdirSync(join(policies, 'r')).filter((name) => name.startsWith('.adopting'));
  t.strictSame(adopting, ['.adopting-2'], 'what is of before gets its name again');
  t.strictSame(plainNames(join(policies, 'r')), ['3']);
});

const oneDisk =
  existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync('.').dev ? false : 'here is no other file system';
t.test(
  'a later version that lies in memory alone, as of a trainer that was killed, is moved aside',
  { skip: oneDisk },
  async (t) => {
    const { data, policies, snapshot } = await newFolders(t);
    const memory = mkdtempSync('/dev/shm/segue-test-');
    t.teardown(() => rmSync(memory, { recursive: true }));
    const content = join(memory, '.content-6');
    putVersion(policies, 6);
    cpSync(join(policies, 'r', '.content-6'), content, { recursive: true });
    for (const name of ['6', '.content-6']) rmSync(join(policies, 'r', name), { recursive: true });
    symlinkSync(content, join(policies, 'r', '6'));

    await restoreSnapshot(snapshot, data);
    t.strictSame(plainNames(join(policies, 'r')), ['3']);
    const [aside = ''] = readdirSync(policies).filter((name) => name.startsWith('replaced-'));
    t.strictSame(readdirSync(join(policies, aside, 'r')).sort(), ['4', '5', '6']);
    t.equal(readFileSync(join(policies, aside, 'r', '6', 'w'), 'utf8'), 'weights 6');
    t.notOk(existsSync(content));
  },
);

t.test('versions of runs that the snapshot does not know are moved aside: their ids are given again', async (t) => {
  const { data, policies, snapshot } = await newFolders(t);
  for (const runId of ['later', 'gone']) putVersion(policies, 0, runId);
  for (const name of ['checkpoint', 'replaced-before']) mkdirSync(join(policies, name));
  writeFileSync(join(policies, 'checkpoint', 'config.json'), '{}');
  const knowing = join(data, '..', 'knowing');
  await writeSnapshot(knowing, partsOf([run], ['gone']), policies);
  t.strictSame((await restoreSnapshot(knowing, data)).unknown, ['later']);
  const [first = ''] = readdirSync(policies).filter((name) => name.startsWith('replaced-2'));
  t.strictSame(readdirSync(policies).sort(), ['checkpoint', 'gone', 'r', first, 'replaced-before'].sort());
  t.equal(readFileSync(join(policies, first, 'later', '0', 'w'), 'utf8'), 'weights 0', 'whole');

  // Nor does a store of an earlier version say which runs it has let go of.
  putVersion(policies, 0, 'later');
  const silent = join(data, '..', 'silent');
  await writeSnapshot(silent, partsOf([run], null), policies);
  t.notOk('retiredRuns' in JSON.parse(readFileSync(join(silent, 'snapshot.json'), 'utf8')));
  t.strictSame((await restoreSnapshot(silent, data)).unknown, []);

  // A snapshot of an earlier version names no run that the store had let go of: any may be one.
  const path = join(snapshot, 'snapshot.json');
  const { retiredRuns, ...earlier } = JSON.parse(readFileSync(path, 'utf8'));
  t.strictSame(retiredRuns, []);
  writeFileSync(path, JSON.stringify(earlier));
  t.strictSame((await restoreSnapshot(snapshot, data)).unknown, []);
  t.ok(existsSync(join(policies, 'later', '0', 'w')));
});

const nameless = existsSync('/proc/self/fd') ? false : 'here no open file tells its name';
t.test('what was moved is on the disk before the note goes', { skip: nameless }, async (t) => {
  const { data, policies, snapshot } = await newFolders(t);
  putVersion(policies, 0, 'later');
  const file = await open(snapshot);
  const handle = Object.getPrototypeOf(file);
  await file.close();
  const { sync } = handle;
  t.teardown(() => {
    handle.sync = sync;
  });
  const synced = new Map<string, readonly string[]>();
  handle.sync = async function (this: FileHandle) {
    const path = readlinkSync(`/proc/self/fd/${this.fd}`);
    const isUnfinished = existsSync(join(data, 'restore.unfinished'));
    if (isUnfinished && statSync(path).isDirectory()) synced.set(path, readdirSync(path).sort());
    return sync.call(this);
  };
  await restoreSnapshot(snapshot, data);
  const [aside = ''] = readdirSync(policies).filter((name) => name.startsWith('replaced-'));
  const folders = ['.', 'policies', 'policies/r', `policies/${aside}`, `policies/${aside}/r`];
  for (const folder of folders) {
    const names = readdirSync(join(data, folder)).sort();
    const before = synced.get(join(data, folder))?.filter((name) => name !== 'restore.unfinished');
    t.strictSame(
      before?.filter((name) => !name.startsWith('.lock')),
      names.filter((name) => !name.startsWith('.lock')),
      folder,
    );
  }
});
