/** The set-up of a clone: when packages are stale, how nats-server is found and fetched, how a foreground program ends. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import {
  downloadRelease,
  ensureNatsServer,
  findNatsServer,
  installNatsServer,
} from '../../scripts/lib/nats-server.mjs';
import { checkNode, makeExecutable, staleness } from '../../scripts/lib/packages.mjs';
import { Refusal, root, run } from '../../scripts/lib/process.mjs';

// What `npm test` and a person set is not what these tests ask about.
delete process.env.SEGUE_NATS_URL;
delete process.env.SEGUE_NATS_SERVER;

function lock(packages: object): string {
  return JSON.stringify({ lockfileVersion: 3, packages });
}

const left = { version: '1.3.0', integrity: 'sha512-a' };
const forOthers = { version: '2.0.0', integrity: 'sha512-b', optional: true };
const workspace = { resolved: 'packages/core', link: true };

t.test('packages are stale when missing, outdated or removed, and fresh when equal to the lock file', async (t) => {
  const locked = {
    '': { name: 'segue' },
    'packages/core': { version: '0.1.0' },
    'node_modules/left': left,
    'node_modules/for-others': forOthers,
    'node_modules/@segue/core': workspace,
  };
  const folder = t.testdir({
    'package-lock.json': lock(locked),
    node_modules: { left: { 'package.json': '{}' }, '@segue': { core: { 'package.json': '{}' } } },
  });
  const installedPath = join(folder, 'node_modules/.package-lock.json');
  t.equal(staleness(folder), 'not installed yet');
  writeFileSync(installedPath, lock({ 'node_modules/left': left, 'node_modules/@segue/core': workspace }));
  t.equal(staleness(folder), null, 'a package for another platform may be absent');
  writeFileSync(installedPath, lock({ 'node_modules/left': left }));
  t.equal(staleness(folder), 'node_modules/@segue/core is missing');
  const older = { ...left, version: '1.2.9' };
  writeFileSync(installedPath, lock({ 'node_modules/left': older, 'node_modules/@segue/core': workspace }));
  t.equal(staleness(folder), 'node_modules/left is outdated');
  writeFileSync(installedPath, lock({ 'node_modules/left': left, 'node_modules/@segue/core': workspace }));
  rmSync(join(folder, 'node_modules/left'), { recursive: true });
  t.equal(staleness(folder), 'node_modules/left is missing');
});

t.test('a command is made executable where it is not, and where that may be done', (t) => {
  const command = join(t.testdir({ 'main.js': '' }), 'main.js');
  const modeOf = () => statSync(command).mode & 0o777;
  chmodSync(command, 0o644);
  makeExecutable(command);
  t.equal(modeOf(), 0o755);
  chmodSync(command, 0o555);
  makeExecutable(command);
  t.equal(modeOf(), 0o555, 'left as it is');
  rmSync(command, { force: true });
  t.throws(() => chmodSync(command, 0o755));
  t.doesNotThrow(() => makeExecutable(command), 'a change that fails is done without');
  t.end();
});

t.test('an old Node is refused with its version and what to do', async (t) => {
  t.throws(() => checkNode('18.19.1'), { message: /needs Node 20\.12 or newer and this is 18\.19\.1/ });
  t.throws(() => checkNode('20.11.1'), { message: /this is 20\.11\.1/ });
  t.doesNotThrow(() => checkNode('20.12.0'));
  t.doesNotThrow(() => checkNode('22.3.0'));
});

function program(folder: string, version: string): string {
  const path = join(folder, 'nats-server');
  writeFileSync(path, `#!/bin/sh\necho nats-server: v${version}\n`);
  chmodSync(path, 0o755);
  return path;
}

t.test('the first nats-server that is new enough is taken', async (t) => {
  const folder = t.testdir({ empty: {}, old: {}, good: {}, later: {} });
  program(join(folder, 'old'), '2.8.4');
  const good = program(join(folder, 'good'), '2.9.10');
  program(join(folder, 'later'), '2.12.0');
  const named = (...names: string[]) => names.map((name) => join(folder, name));
  t.equal(await findNatsServer(named('empty', 'old', 'good', 'later')), good);
  t.equal(await findNatsServer(named('empty', 'old')), null);
});

t.test('a server named by its URL is used as it is, one named by its path must run', async (t) => {
  t.teardown(() => {
    delete process.env.SEGUE_NATS_URL;
    delete process.env.SEGUE_NATS_SERVER;
  });
  process.env.SEGUE_NATS_SERVER = '/nowhere/nats-server';
  await t.rejects(ensureNatsServer(), { message: /SEGUE_NATS_SERVER is \/nowhere\/nats-server, but it does not run/ });
  process.env.SEGUE_NATS_URL = 'nats://10.0.0.1:4222';
  t.equal(await ensureNatsServer(), null);
});

t.test('each way to install is tried, and when none works one message says why and what to do', async (t) => {
  const broken = ['apt', async () => 'no network'] as const;
  const silent = ['brew', async () => null] as const;
  const working = ['download', async () => null] as const;
  const found = [null, '/x/nats-server'];
  t.equal(await installNatsServer([broken, silent, working], async () => found.shift() ?? null), '/x/nats-server');
  const failure = await installNatsServer([broken, silent], async () => null).catch((error: unknown) => error);
  t.ok(failure instanceof Refusal, 'a person sees the message alone');
  t.match(failure, { message: /apt: no network; brew: it ran, but left no nats-server.*SEGUE_NATS_URL/ });
});

t.test('the official archive is installed when its checksum fits, and refused when it does not', async (t) => {
  const version = '9.9.9';
  const machine = process.arch === 'x64' ? 'amd64' : process.arch;
  const target = `${process.platform}-${machine}`;
  const name = `nats-server-v${version}-${target}`;
  const folder = t.testdir({ [name]: {}, bin: {} });
  program(join(folder, name), version);
  await run('tar', ['-czf', 'archive.tar.gz', name], { cwd: folder });
  const archive = readFileSync(join(folder, 'archive.tar.gz'));
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const site = createServer((request, response) => {
    if (request.url === `/v${version}/${name}.tar.gz`) response.end(archive);
    else if (request.url === `/v${version}/SHA256SUMS`) response.end(`${sha256}  ${name}.tar.gz\n`);
    else response.writeHead(404).end();
  });
  await once(site.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    site.closeAllConnections();
    site.close();
  });
  const address = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const bin = join(folder, 'bin');

  const wrong = await downloadRelease({ version, site: address, sha256: { [target]: '0'.repeat(64) } }, bin);
  t.match(wrong, /has the SHA-256 [0-9a-f]{64} instead of 0{64}/);
  t.equal(await findNatsServer([bin]), null, 'nothing that fails its check is installed');
  t.equal(await downloadRelease({ version, site: address, sha256: { [target]: sha256 } }, bin), null);
  t.equal(await findNatsServer([bin]), join(bin, 'nats-server'));
  t.equal(
    await downloadRelease({ version, site: address, sha256: {} }, bin),
    null,
    'the published list serves as well',
  );
  const missing = await downloadRelease({ version: '0.0.0', site: address, sha256: {} }, bin);
  t.match(missing, /answered 404/);
});

t.test('a program in the foreground hears what is sent to the script alone, and its exit code is kept', async (t) => {
  const program = `
    process.on('SIGINT', () => console.log('interrupted'));
    process.on('SIGTERM', () => process.exit(11));
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const runner = `
    import { runInForeground } from ${JSON.stringify(`${root}/scripts/lib/process.mjs`)};
    process.exitCode = await runInForeground(process.execPath, ['-e', ${JSON.stringify(program)}]);`;
  const script = spawn(process.execPath, ['--input-type=module', '-e', runner], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(script, 'close');
  t.match(String((await once(script.stdout, 'data'))[0]), 'ready');
  script.kill('SIGINT');
  t.match(String((await once(script.stdout, 'data'))[0]), 'interrupted');
  script.kill('SIGTERM');
  t.strictSame(await ended, [11, null]);
});
