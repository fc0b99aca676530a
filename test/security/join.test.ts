/**
 * An actor that joins a cluster whose message server's URL holds a password, though services show an nkey and no password: nobody reads it on a command line, nor in
 * what is left behind.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@segue/client';
import t, { type Test } from 'tap';
import { defaultClusterOptions, LocalCluster } from '../../packages/cli/dist/cluster/local-cluster.js';
import { runSegue } from '../support/command.js';
import { joinActor } from '../support/join.js';
import { startNats } from '../support/nats.js';
import { until } from '../support/waiting.js';

const password = 'planted-password-4711';
const token = 'planted-token-4711';
const folder = mkdtempSync(join(tmpdir(), 'segue-join-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const nats = await startNats();
t.teardown(() => nats.stop());
const natsUrl = `nats://segue:${password}@127.0.0.1:${nats.port}`;

process.env.SEGUE_NATS_URL = natsUrl;
process.env.SEGUE_TOKEN = token;
const data = join(folder, 'data');
const cluster = new LocalCluster({ ...defaultClusterOptions, dataFolder: data, actors: 0 }, (error) =>
  t.fail(error.message),
);
t.teardown(() => cluster.stop());
await cluster.start();
const client = connect(cluster.controllerAddress);
t.teardown(() => client.close());

/** An actor that joins so works, and shows nothing. */
async function joins(t: Test, id: string, flags: readonly string[]) {
  const joined = await joinActor(t, ['--id', id, ...flags]);
  await until(async () => (await client.status()).actors.some((actor) => actor.actorId === id), `${id} is known`);
  if (process.platform === 'linux') {
    t.match(joined.commandLine, id);
    t.notMatch(joined.commandLine, password, 'its command line, which everybody can read');
    t.notMatch(joined.environment, token, 'a client’s token is none of its business');
  }
  joined.process.kill('SIGTERM');
  const { code, stdout, stderr } = await joined.ended;
  t.equal(code, 0, stderr);
  t.notMatch(stdout + stderr, password);
}

t.test('by the folder of a local cluster, which keeps no password, and the environment', async (t) => {
  t.notMatch(readFileSync(join(data, 'cluster.json'), 'utf8'), password);
  await joins(t, 'by-folder', ['--data', data]);
  t.notMatch(readFileSync(join(data, 'logs', 'by-folder.log'), 'utf8'), password);
});

t.test('by the environment alone, from a folder of its own', async (t) => {
  await joins(t, 'by-name', ['--data', join(folder, 'elsewhere')]);
});

t.test('a password on the command line is refused, and not repeated', async (t) => {
  for (const flags of [
    ['--nats', natsUrl],
    ['--set', `natsUrl=${natsUrl}`],
  ]) {
    const { code, stdout, stderr } = await runSegue('actor', 'join', '--data', data, ...flags);
    t.equal(code, 2);
    t.match(stderr, /can read command lines: leave them out/);
    t.match(stderr, `nats://127.0.0.1:${nats.port}`);
    t.notMatch(stdout + stderr, password);
  }
});
