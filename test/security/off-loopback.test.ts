/** A service process off loopback: refused without credentials, closed to strangers with them; and what it prints of its configuration. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectBus, connectReward, readTls } from '@segue/bus';
import t from 'tap';
import { CertificateFolder, localHosts } from '../../packages/cli/dist/security/certificate-folder.js';
import { TokenList } from '../../packages/cli/dist/security/token-list.js';
import { listServices } from '../../packages/service/test/support/grpc-probe.js';
import { startTiny } from '../../packages/service/test/support/tiny-process.js';
import { startNats } from '../support/nats.js';
import { callRaw, framed, status } from './raw-call.js';

const nats = await startNats();
t.teardown(() => nats.stop());
const bus = await connectBus({ url: nats.url, name: 'test' });
await bus.setUp();
t.teardown(() => bus.close());

const folder = t.testdir();
const certificates = new CertificateFolder(join(folder, 'certs'));
await certificates.issue({ kind: 'service', name: 'reward' }, localHosts, 1);
await certificates.issue({ kind: 'client', name: 'alice' }, [], 1);
const tokensFile = join(folder, 'tokens.json');
const token = await new TokenList(tokensFile).create({ name: 'alice', scopes: ['read'], days: 1 });
const root = await new TokenList(tokensFile).create({ name: 'root', scopes: ['admin'], days: 1 });
const alice = readTls(certificates.filesOf('alice'));

const brokenFile = join(folder, 'broken.yaml');
writeFileSync(brokenFile, 'natsUrl: nats://x:planted-secret@127.0.0.1:4222\nhost: [\n');

const set = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
const freePorts = ['--port', '0', '--metrics-port', '0'];
const { ca, cert, key } = certificates.filesOf('reward');
const papers = { 'security.ca': ca, 'security.cert': cert, 'security.key': key };
const credentials = { ...papers, 'security.tokens': tokensFile };
const offLoopback = [...freePorts, '--host', '0.0.0.0'];

t.test('what would be open to other machines is refused before anything listens', async (t) => {
  const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['no credentials', offLoopback, /host 0\.0\.0\.0 is not loopback.*segue certs.*--insecure/],
    ['TLS without tokens', [...offLoopback, ...set(papers)], /security must be given together/],
    [
      'tokens without TLS',
      [...offLoopback, ...set({ 'security.tokens': tokensFile })],
      /security must be given together/,
    ],
    [
      'no such file',
      [...offLoopback, ...set({ ...credentials, 'security.cert': '/nowhere.pem' })],
      /cert \/nowhere\.pem cannot be read/,
    ],
    [
      'a key for a certificate',
      [...offLoopback, ...set({ ...credentials, 'security.cert': key })],
      /is no certificate in PEM/,
    ],
    [
      'a message server elsewhere',
      [...freePorts, ...set({ natsUrl: 'nats://x:planted-secret@10.0.0.1:4222' })],
      /natsUrl nats:\/\/10\.0\.0\.1:4222 is not loopback/,
    ],
  ];
  for (const [what, args, message] of cases) {
    const tiny = startTiny(t, ['--set', `natsUrl=${nats.url}`, ...args, ...set({ logLevel: 'error' })]);
    t.equal(await tiny.ended, 2, what);
    t.match(tiny.log, [{ level: 'fatal', code: 'INVALID_CONFIG', msg: message }], what);
    t.strictSame(tiny.stdout, [], what);
    t.notMatch(JSON.stringify(tiny.log), /planted-secret/);
  }
});

t.test(
  'with credentials it starts: closed to strangers, its metrics on this machine, nothing told by reflection',
  async (t) => {
    const url = nats.url.replace('//', '//somebody:planted-secret@');
    const tiny = startTiny(t, [
      ...offLoopback,
      ...set({ ...credentials, natsUrl: url, requestBurst: '2', requestsPerSecond: '0.01' }),
    ]);
    const { address, metricsAddress } = await tiny.ready;
    const local = address.replace('0.0.0.0', '127.0.0.1');
    t.match(metricsAddress, /^127\.0\.0\.1:/);
    t.equal((await fetch(`http://${metricsAddress}/readyz`)).status, 200);
    await t.rejects(listServices(local), 'no certificate');
    const ask = (path: string) =>
      callRaw({ address: local, path, tls: alice, token: root, frame: framed(Buffer.alloc(0), 0) });
    for (const version of ['v1', 'v1alpha']) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      t.equal(await ask(path), status.unimplemented, 'nobody is told what is served, not even who may do all');
    }
    t.equal(await ask('/segue.v1.RewardScorer/ListScorers'), status.ok);
    const strangers = connectReward(local, { tls: alice });
    await t.rejects(strangers.listScorers({}), { code: 'UNAUTHENTICATED' });
    strangers.close();
    const client = connectReward(local, { tls: alice, token });
    t.teardown(() => client.close());
    t.match(await client.listScorers({}), { scorers: [{ name: 'none' }] });
    await t.rejects(client.scoreBatch({ requests: [] }), { code: 'PERMISSION_DENIED', message: /scope submit/ });
    t.match(await client.listScorers({}), { scorers: [{ name: 'none' }] });
    // One call in a hundred seconds: no deadline of a test waits for that.
    await t.rejects(client.listScorers({}, { deadlineMs: 2_000 }), {
      code: 'RESOURCE_EXHAUSTED',
      message: /try again in \d+ ms/,
    });

    const { config } = tiny.log.find((line) => line.msg === 'effective configuration') ?? {};
    t.match(config, { natsUrl: nats.url, security: { key, tokens: tokensFile } }, 'paths of secrets are printed');
    t.notMatch(JSON.stringify(tiny.log), /planted-secret|PRIVATE KEY/);
    t.notMatch(JSON.stringify(tiny.log), token);
    const metrics = await (await fetch(`http://${metricsAddress}/metrics`)).text();
    t.match(metrics, /segue_certificate_end_seconds\{[^}]*\} 1[.0-9e+]+/);
    t.ok(
      tiny.log.some(({ msg }) => /certificate of this service is soon over/.test(msg)),
      'it ends tomorrow',
    );
    t.match(metrics, /segue_refused_calls_total\{[^}]*code="RESOURCE_EXHAUSTED"[^}]*\} 1/);
  },
);
