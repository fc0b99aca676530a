/** What other users of the machine can open of a secure cluster and of a snapshot: modes of folders and files, with a real message server and a real replay store. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectStore } from '@segue/client';
import t from 'tap';
import { closeFolder } from '../dist/cluster/closed-folder.js';
import { defaultClusterOptions, LocalCluster, readServiceReady } from '../dist/cluster/local-cluster.js';
import { withStore } from '../dist/run/with-store.js';

// Whatever the one who runs the tests has set, and what the cluster of a test before has left.
t.beforeEach(() => void process.umask(0o022));
delete process.env.SEGUE_NATS_URL;

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** Everything below a folder that others may read, write or pass through. */
function openBelow(folder: string): string[] {
  return readdirSync(folder, { encoding: 'utf8', recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path) && (modeOf(path) & 0o077) !== 0);
}

/** The replay store of a cluster, without the rest. */
function storeOf(data: string, secure: boolean): LocalCluster {
  return new LocalCluster({ ...defaultClusterOptions, dataFolder: data, only: ['replay'], secure }, () => {});
}

/** What the newest process that writes this log announced. */
function addressIn(log: string): string {
  const ready = readFileSync(log, 'utf8').split('\n').map(readServiceReady);
  return ready.filter((line) => line !== null).at(-1)?.address ?? '';
}

t.test('a folder is made closed or closed, and one that others use is left alone', async (t) => {
  const folder = t.testdir();
  const made = join(folder, 'not', 'there');
  await closeFolder(made);
  t.equal(modeOf(made), 0o700);
  t.equal(modeOf(join(folder, 'not')), 0o755, 'what leads to it stays open');
  chmodSync(made, 0o777);
  await closeFolder(made);
  t.equal(modeOf(made), 0o700, 'one of its own that everybody could write into');
  chmodSync(made, 0o755);
  await closeFolder(made);
  t.equal(modeOf(made), 0o700);
  chmodSync(made, 0o1777);
  await t.rejects(closeFolder(made), { code: 'FAILED_PRECONDITION', message: /everybody may write into/ });
  t.equal(modeOf(made), 0o777, 'as it was');
});

t.test('a cluster that was open is closed by --secure, and so is who only reads its store', async (t) => {
  const data = join(t.testdir(), 'data');
  const open = storeOf(data, false);
  await open.start();
  await open.stop();
  t.equal(modeOf(data), 0o755, 'as before');

  const closed = storeOf(data, true);
  const before = new Set(openBelow(data));
  t.teardown(() => closed.stop());
  await closed.start();
  t.equal(modeOf(data), 0o700);
  t.strictSame(
    openBelow(data).filter((path) => !before.has(path)),
    [],
    'nor is anything in it open that was made since',
  );
  await closed.stop();

  // Whoever reads has a server of its own, whichever the others use.
  process.env.SEGUE_NATS_URL = 'nats://127.0.0.1:1';
  t.teardown(() => void delete process.env.SEGUE_NATS_URL);
  await withStore(data, async (store) => {
    for await (const _ of store.verify(null, false));
    const stranger = connectStore(addressIn(join(data, 'logs', 'replay.log')));
    t.teardown(() => stranger.close());
    await t.rejects(stranger.statistics('r'), { code: 'UNAVAILABLE' }, 'without TLS no call is read');
  });
});

t.test('a new data folder of a secure cluster', async (t) => {
  const data = join(t.testdir(), 'data');
  const cluster = storeOf(data, true);
  t.teardown(() => cluster.stop());
  await cluster.start();
  t.equal(modeOf(data), 0o700);
  mkdirSync(join(data, 'probe'));
  writeFileSync(join(data, 'probe', 'file'), '');
  t.strictSame(openBelow(join(data, 'probe')), [], 'what this process makes is its owner’s too');
  t.ok(existsSync(join(data, 'replay', 'data.mdb')));
  t.strictSame(openBelow(join(data, 'replay')), [], 'and what its services make');
  t.strictSame(openBelow(join(data, 'logs')), []);
  await cluster.stop();
});
