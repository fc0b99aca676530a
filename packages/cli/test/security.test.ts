/** The files of `segue certs`, `segue tokens` and `segue nats-config`: who may read them, that nothing is overwritten, renewal, revoking. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTls, TokenFile } from '@segue/bus';
import t from 'tap';
import { runSegue } from '../../../test/support/command.js';
import { CertificateFolder, localHosts, serviceHolders } from '../dist/security/certificate-folder.js';
import { ensureSecurity } from '../dist/security/cluster-security.js';
import { NatsUsers } from '../dist/security/nats-users.js';
import { TokenList } from '../dist/security/token-list.js';

const ownerOnly = 0o600;
const modeOf = (path: string) => statSync(path).mode & 0o777;

t.test('certificates: an authority, holders by name, files for their owner alone', async (t) => {
  const path = join(t.testdir(), 'certs');
  const folder = new CertificateFolder(path);
  for (const holder of serviceHolders) await folder.issue(holder, [...localHosts, 'segue.example.org'], 30);
  await folder.issue({ kind: 'client', name: 'alice' }, ['ignored'], 1);

  for (const name of readdirSync(path)) t.equal(modeOf(join(path, name)), ownerOnly, name);
  t.equal(modeOf(path), 0o700);
  const authority = new X509Certificate(readFileSync(join(path, 'ca.pem')));
  t.ok(authority.ca);
  const actor = new X509Certificate(readFileSync(folder.filesOf('actor').cert));
  t.ok(actor.verify(authority.publicKey), 'signed by the authority');
  t.notOk(actor.ca, 'and signs nothing itself');
  t.match(actor.subject, /OU=service/);
  t.match(actor.subjectAltName, /DNS:localhost.*IP Address:127\.0\.0\.1.*DNS:segue\.example\.org/);
  t.equal(new X509Certificate(readFileSync(folder.filesOf('alice').cert)).subjectAltName, undefined);
  const facts = await folder.list();
  t.equal(facts.length, serviceHolders.length + 1);
  t.match(
    facts.find(({ holder }) => holder.name === 'alice'),
    { holder: { kind: 'client' }, hosts: [] },
  );

  const key = readFileSync(folder.filesOf('actor').key, 'utf8');
  await t.rejects(folder.issue({ kind: 'service', name: 'actor' }, [], 30), {
    code: 'ALREADY_EXISTS',
    message: /actor\.key.*not overwritten/,
  });
  t.equal(readFileSync(folder.filesOf('actor').key, 'utf8'), key);
  for (const name of ['../alice', 'Alice', 'a/b', '', 'x, OU=service']) {
    await t.rejects(folder.issue({ kind: 'client', name }, [], 1), { code: 'INVALID_INPUT' }, JSON.stringify(name));
  }
  for (const name of ['controller', 'ca', 'nats']) {
    await t.rejects(folder.issue({ kind: 'client', name }, [], 1), {
      code: 'INVALID_INPUT',
      message: /cannot be called/,
    });
  }

  t.strictSame(await folder.renew(2, 60), ['alice'], 'the one that is about to end');
  const renewed = await folder.list();
  t.ok((renewed.find(({ holder }) => holder.name === 'alice')?.notAfter.getTime() ?? 0) > Date.now() + 50 * 86_400_000);
  t.equal(modeOf(folder.filesOf('alice').key), ownerOnly);
  readTls(folder.filesOf('alice'));
  t.ok((await folder.renew(40, 60)).includes('actor'));
  const anew = new X509Certificate(readFileSync(folder.filesOf('actor').cert));
  t.equal(anew.subjectAltName, actor.subjectAltName, 'the hosts stay');
  t.not(readFileSync(folder.filesOf('actor').key, 'utf8'), key, 'the key does not');

  writeFileSync(join(path, 'ca.pem'), 'no certificate');
  t.throws(() => readTls(folder.filesOf('actor')), {
    code: 'INVALID_CONFIG',
    message: /ca .*ca\.pem is no certificate/,
  });
});

t.test('a certificate that is over is refused by name before anything listens', async (t) => {
  const folder = new CertificateFolder(join(t.testdir(), 'certs'));
  await folder.issue({ kind: 'service', name: 'actor' }, localHosts, -1);
  t.throws(() => readTls(folder.filesOf('actor')), {
    code: 'INVALID_CONFIG',
    message: /actor\.pem ended at .*segue certs renew/,
  });
});

t.test('tokens: shown once, kept as a hash, revoked by name', async (t) => {
  const path = join(t.testdir(), 'secrets', 'tokens.json');
  const list = new TokenList(path);
  const token = await list.create({ name: 'alice', scopes: ['read', 'submit'], days: 1 });
  t.match(token, /^segue_[A-Za-z0-9_-]{43}$/, '256 bits');
  t.equal(modeOf(path), ownerOnly);
  const text = readFileSync(path, 'utf8');
  t.notMatch(text, token);
  t.notMatch(text, token.slice('segue_'.length));
  t.match(new TokenFile(path).verify(token), { kind: 'known', entry: { name: 'alice', scopes: ['read', 'submit'] } });
  t.match(new TokenFile(path).verify(`${token}x`), { kind: 'unknown' });
  await t.rejects(list.create({ name: 'alice', scopes: ['read'], days: 1 }), { code: 'ALREADY_EXISTS' });
  await t.rejects(list.create({ name: 'Not A Name', scopes: ['read'], days: 1 }), { code: 'INVALID_CONFIG' });
  await t.rejects(list.revoke('bob'), { code: 'NOT_FOUND', message: /it has alice/ });
  await list.revoke('alice');
  t.match(new TokenFile(path).verify(token), { kind: 'unknown' });

  writeFileSync(path, '{"v":1,"tokens":[{"name":"planted-secret"}');
  t.throws(() => new TokenFile(path), { code: 'INVALID_CONFIG', message: /cannot be read as JSON; make it/ });
  try {
    new TokenFile(path);
  } catch (error) {
    t.notMatch(String(error), /planted-secret/, 'what is in it is in no message');
  }
});

t.test('nats-config: a seed for each service, kept when it is written again', async (t) => {
  const path = join(t.testdir(), 'nats');
  const users = new NatsUsers(path);
  await users.write(null);
  const before = readFileSync(users.configFile, 'utf8');
  await users.write(null);
  t.equal(readFileSync(users.configFile, 'utf8'), before);
  for (const name of readdirSync(path)) t.equal(modeOf(join(path, name)), ownerOnly, name);
  writeFileSync(users.seedFile('actor'), 'SUplanted-secret');
  await t.rejects(users.write(null), { code: 'INVALID_CONFIG', message: /actor\.seed holds no nkey seed/ });
});

t.test('a local cluster keeps its credentials from start to start, and makes anew what is lost', async (t) => {
  const path = join(t.testdir(), 'security');
  const first = await ensureSecurity(path);
  const read = (name: string) => readFileSync(join(path, name), 'utf8');
  const before = ['ca.pem', 'actor.key', 'operator.token', 'tokens.json', 'actor.seed', 'nats.conf'].map(read);
  t.match(first.settingsOf('actor'), [
    /^security\.ca=\/.*ca\.pem$/,
    /actor\.pem$/,
    /actor\.key$/,
    /tokens\.json$/,
    /actor\.seed$/,
  ]);
  await ensureSecurity(path);
  t.strictSame(['ca.pem', 'actor.key', 'operator.token', 'tokens.json', 'actor.seed', 'nats.conf'].map(read), before);
  for (const { name } of readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isFile())) {
    t.equal(modeOf(join(path, name)), ownerOnly, name);
  }
  t.equal(modeOf(join(path, 'tokens.json.lock')), 0o700);
  rmSync(join(path, 'operator.token'));
  await ensureSecurity(path);
  const verdict = new TokenFile(join(path, 'tokens.json')).verify(read('operator.token').trim());
  t.match(verdict, { kind: 'known', entry: { name: 'operator', scopes: ['admin'] } });
});

t.test('a token whose file cannot be made is not made', async (t) => {
  const folder = t.testdir({ 'alice.token': 'of somebody else' });
  const [file, out] = [join(folder, 'tokens.json'), join(folder, 'alice.token')];
  const create = () => runSegue('tokens', 'create', 'alice', '--file', file, '--out', out);
  t.match(await create(), { code: 2, stderr: /alice\.token is there already/ });
  t.equal(readFileSync(out, 'utf8'), 'of somebody else');
  t.strictSame(new TokenList(file).read(), []);
  rmSync(out);
  t.match(await create(), { code: 0, stdout: '' });
  t.match(readFileSync(out, 'utf8'), /\S+\n/);
  const made = readFileSync(out, 'utf8');
  t.match(await create(), { code: 2 });
  t.equal(readFileSync(out, 'utf8'), made, 'nor is a file of before touched');
  rmSync(out);
  t.match(await create(), { code: 2, stderr: /has a token alice/ });
  t.notOk(existsSync(out), 'nor is a file left without one');
});
