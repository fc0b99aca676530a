/** `segue credentials`: a folder per holder with what it needs and nothing of others, kept when it is done again, renewed when it is about to end. */
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readTls, TokenFile } from '@segue/bus';
import { serviceNames } from '@segue/core';
import t from 'tap';
import { runSegue } from '../../../test/support/command.js';
import { ensureCredentialFolders } from '../dist/security/credential-folders.js';

const filesOf = (folder: string) => ({
  ca: join(folder, 'ca.pem'),
  cert: join(folder, 'tls.pem'),
  key: join(folder, 'tls.key'),
});

t.test('each holder finds what it needs, for its owner alone, and nothing of others', async (t) => {
  const root = join(t.testdir(), 'credentials');
  const { code, stdout, stderr } = await runSegue(
    'credentials',
    '--out',
    root,
    '--host',
    'x.example',
    '--client',
    'al',
  );
  t.equal(code, 0, stderr);
  t.match(stdout, `${root}/actor\n`);
  t.notMatch(stdout, 'authority');
  for (const name of serviceNames) {
    t.strictSame(readdirSync(join(root, name)).sort(), ['ca.pem', 'nats.seed', 'tls.key', 'tls.pem'], name);
    readTls(filesOf(join(root, name)));
  }
  t.strictSame(readdirSync(join(root, 'nats')).sort(), ['ca.pem', 'nats.conf', 'tls.key', 'tls.pem']);
  const config = readFileSync(join(root, 'nats/nats.conf'), 'utf8');
  t.match(config, `cert_file: "${root}/nats/tls.pem"`, 'the message server finds its files');
  const seeds = serviceNames.map((name) => readFileSync(join(root, name, 'nats.seed'), 'utf8').trim());
  t.equal(new Set(seeds).size, serviceNames.length);
  for (const seed of seeds) t.notMatch(config, seed);

  const tokens = new TokenFile(join(root, 'tokens/tokens.json'));
  const scopesOf = (name: string) => {
    const verdict = tokens.verify(readFileSync(join(root, 'clients', name, 'client.token'), 'utf8').trim());
    return verdict.kind === 'known' ? [verdict.entry.name, ...verdict.entry.scopes] : [];
  };
  t.strictSame(scopesOf('operator'), ['operator', 'admin']);
  t.strictSame(scopesOf('al'), ['al', 'read', 'submit']);
  for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const found = statSync(join(root, name));
    t.equal(found.mode & 0o077, 0, name);
  }
});

t.test('done again it keeps what is good, adds what is missing, and renews what ends soon', async (t) => {
  const folder = join(t.testdir(), 'credentials');
  const request = { folder, hosts: [], clients: [], days: 60 };
  const textOf = (path: string) => readFileSync(join(folder, path), 'utf8');
  await ensureCredentialFolders(request);
  const paths = ['actor/tls.key', 'actor/nats.seed', 'nats/nats.conf', 'clients/operator/client.token'];
  const before = paths.map(textOf);
  rmSync(join(folder, 'replay'), { recursive: true });
  const made = await ensureCredentialFolders({ ...request, clients: ['al'] });
  t.strictSame(paths.map(textOf), before);
  t.strictSame(made.renewed, []);
  readTls(filesOf(join(folder, 'replay')));
  readTls(filesOf(join(folder, 'clients/al')));

  const key = textOf('actor/tls.key');
  const named = await ensureCredentialFolders({ ...request, hosts: ['y.example'] });
  t.strictSame(named.renewed, [...serviceNames, 'nats'], 'a host that was missing is signed');
  t.not(textOf('actor/tls.key'), key);
  t.match(new X509Certificate(textOf('actor/tls.pem')).subjectAltName, /localhost.*DNS:actor.*DNS:y\.example/);
  t.strictSame((await ensureCredentialFolders({ ...request, hosts: ['y.example'] })).renewed, []);
  t.strictSame((await ensureCredentialFolders(request)).renewed, [], 'and stays');

  const brief = join(t.testdir(), 'brief');
  await ensureCredentialFolders({ ...request, folder: brief, days: 20 });
  const token = readFileSync(join(brief, 'clients/operator/client.token'), 'utf8');
  const again = await ensureCredentialFolders({ ...request, folder: brief });
  t.ok(again.renewed.includes('actor'));
  t.not(readFileSync(join(brief, 'clients/operator/client.token'), 'utf8'), token);
});
