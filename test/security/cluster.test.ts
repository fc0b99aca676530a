/**
 * A whole cluster that asks for credentials: a run from beginning to end, strangers at the doors of its processes, batches that come again,
 * and no secret in anything that it leaves behind. One cluster serves all of it.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { connectActor, connectController, readTls } from '@segue/bus';
import { connect, connectStore, serveScorers } from '@segue/client';
import { type ProblemInput, parseRunConfig, type Scope, type ScoreRequest, SegueError } from '@segue/core';
import { connect as connectNats } from 'nats';
import t from 'tap';
import {
  defaultClusterOptions,
  LocalCluster,
  readClusterState,
} from '../../packages/cli/dist/cluster/local-cluster.js';
import { readProblemFile } from '../../packages/cli/dist/problems/problem-file.js';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { tokensFile } from '../../packages/cli/dist/security/service-files.js';
import { TokenList } from '../../packages/cli/dist/security/token-list.js';
import { listServices } from '../../packages/service/test/support/grpc-probe.js';
import { runSegue } from '../support/command.js';
import { joinActor } from '../support/join.js';
import { toyConfig, toyProblems, writeToyTask } from '../support/toy-task.js';
import { until } from '../support/waiting.js';

const planted = 'planted-secret-4711';
process.env.SEGUE_TOKEN = planted;

const files = await writeToyTask(
  {},
  toyProblems(1).filter((_, i) => i % 8 === 0),
);
const { data } = files;
const cluster = new LocalCluster({ ...defaultClusterOptions, dataFolder: data, secure: true }, (error) =>
  t.fail(error.message),
);
t.teardown(() => cluster.stop());
await cluster.start();
const securityFolder = join(data, 'security');
const secretFile = (name: string) => readFileSync(join(securityFolder, name), 'utf8');
const client = connect(cluster.controllerAddress, cluster.credentials);
t.teardown(() => client.close());

/** A token for each scope alone; services see them within a second. */
const tokenList = new TokenList(tokensFile(securityFolder));
const tokenOf = (scope: Scope) => tokenList.create({ name: `only-${scope}`, scopes: [scope], days: 1 });
const scoped = { read: await tokenOf('read'), submit: await tokenOf('submit'), score: await tokenOf('score') };

const config = parseRunConfig({ ...toyConfig, iterations: 2, warmup: { ...toyConfig.warmup, steps: 10 } }, 'toy');
const problems: ProblemInput[] = [];
for await (const problem of readProblemFile(files.problems)) problems.push(problem);

t.test('a run goes from its beginning to its end', async (t) => {
  await prepareRun(client, 'toy', config, [{ batchId: 'all', problems }]);
  await client.resumeRun('toy');
  const run = await client.waitForRun('toy');
  t.match(run, { state: 'finished', iterations: 2 });
  const store = connectStore(cluster.child('replay').address.address, cluster.credentials);
  const committed = (await store.statistics('toy')).appendsByOutcome.committed ?? 0;
  t.ok(committed > 0);
  store.close();
  t.equal((await client.statistics('toy')).appendsByOutcome.committed, committed, 'the store by way of the controller');
});

t.test('a batch that comes again changes nothing, and the same id with other content is refused', async (t) => {
  await client.createRun('again', config);
  const some = problems.slice(0, 4);
  t.match(await client.submitProblems('again', 'one', some), { accepted: 4, repeated: false });
  t.match(await client.submitProblems('again', 'one', some), { accepted: 4, repeated: true });
  await t.rejects(client.submitProblems('again', 'one', some.slice(1)), {
    code: 'ALREADY_EXISTS',
    message: /batch one/,
  });
  t.equal((await client.getRun('again')).trainProblems + (await client.getRun('again')).evaluationProblems, 4);
});

t.test('a scorer of somebody judges over TLS, with a token that opens nothing else', async (t) => {
  const made = await runSegue('certs', 'create', '--out', securityFolder, '--scorer', 'judge');
  t.equal(made.code, 0, made.stderr);
  const [ca, cert, key] = ['ca.pem', 'judge.pem', 'judge.key'].map((name) => join(securityFolder, name));
  const judged: string[] = [];
  const even = {
    name: 'even',
    description: 'One for a response of even length.',
    score({ id, response }: ScoreRequest) {
      judged.push(id);
      return { reward: response.length % 2 === 0 ? 1 : 0 };
    },
  };
  const serve = (scope: keyof typeof scoped, instance: string) => {
    const holder = connect(cluster.controllerAddress, { ...cluster.credentials, token: scoped[scope] });
    t.teardown(() => holder.close());
    return serveScorers(holder, [even], { instance, tls: { ca: ca!, cert: cert!, key: key! } });
  };
  for (const scope of ['read', 'submit'] as const) {
    await t.rejects(serve(scope, 'judge'), { code: 'PERMISSION_DENIED', message: /takes scope score/ }, scope);
  }
  await t.rejects(serve('score', 'other'), { message: /certificate of scorer judge, not of scorer other/ });
  const server = await serve('score', 'judge');
  t.teardown(() => server.close());
  t.match((await client.listScorers()).at(-1), { name: 'even', servers: 1 });
  const scorer = connect(cluster.controllerAddress, { ...cluster.credentials, token: scoped.score });
  t.teardown(() => scorer.close());
  const others: readonly (() => Promise<unknown>)[] = [
    () => scorer.listRuns(),
    () => scorer.createRun('mine', config),
    () => scorer.stopRun('toy'),
  ];
  for (const call of others) await t.rejects(call, { code: 'PERMISSION_DENIED' });

  const own = problems.map((problem) => ({ ...problem, scorer: 'even' }));
  await prepareRun(client, 'own', { ...config, iterations: 1 }, [{ batchId: 'all', problems: own }]);
  await client.resumeRun('own');
  t.match(await client.waitForRun('own'), { state: 'finished' });
  const scored: string[] = [];
  for await (const { summary } of client.trajectories('own')) if (summary.state === 'scored') scored.push(summary.id);
  t.ok(scored.length > 0);
  t.strictSame(
    scored.filter((id) => !judged.includes(id)),
    [],
    'every verdict is its own',
  );
});

t.test('strangers find every door closed', async (t) => {
  const { ca, cert, key } = cluster.credentials;
  const tls = readTls({ ca: ca ?? '', cert: cert ?? '', key: key ?? '' });
  const names = ['controller', 'replay', 'trainer', 'reward', 'actor-0', 'actor-1'];
  for (const name of names) {
    const { address, metricsAddress } = cluster.child(name).address;
    t.match(metricsAddress, /^127\.0\.0\.1:/);
    const plain = connectController(address);
    await t.rejects(plain.listRuns({}, { deadlineMs: 3_000 }), { name: 'SegueError' }, `${name}: no TLS`);
    plain.close();
    await t.rejects(listServices(address), `${name}: no reflection`);
  }
  const tokenless = connectController(cluster.controllerAddress, { tls });
  await t.rejects(tokenless.listRuns({}), { code: 'UNAUTHENTICATED', message: /needs a token/ });
  tokenless.close();
  const asActor = {
    tls: readTls({ ca: ca ?? '', cert: join(securityFolder, 'actor.pem'), key: join(securityFolder, 'actor.key') }),
  };
  const actor = connectActor(cluster.child('actor-0').address.address, asActor);
  await t.rejects(actor.drain({}), { code: 'PERMISSION_DENIED' }, 'an actor does not drain another');
  actor.close();
  const state = await readClusterState(data);
  await t.rejects(connectNats({ servers: state?.natsUrl ?? '', timeout: 2_000 }), 'the message server');

  const metrics = await (await fetch(`http://${cluster.child('controller').address.metricsAddress}/metrics`)).text();
  t.match(metrics, /segue_refused_calls_total\{[^}]*ListRuns[^}]*code="UNAUTHENTICATED"[^}]*\} [1-9]/);
  t.match(readFileSync(join(data, 'logs', 'controller.log'), 'utf8'), /a call was refused: a client needs a token/);
});

t.test('an actor that joins shows the credentials of the folder, and passes on no token', async (t) => {
  const joined = await joinActor(t, ['--data', data, '--id', 'joined']);
  await until(
    async () => (await client.status()).actors.some(({ actorId }) => actorId === 'joined'),
    'the controller knows it',
  );
  const stranger = connectActor(joined.address);
  await t.rejects(
    stranger.getActorStatus({}, { deadlineMs: 3_000 }),
    { name: 'SegueError' },
    'it asks for credentials',
  );
  stranger.close();
  const { ca = '', cert = '', key = '' } = cluster.credentials;
  const tokenless = connectActor(joined.address, { tls: readTls({ ca, cert, key }) });
  await t.rejects(tokenless.getActorStatus({}), { code: 'UNAUTHENTICATED' });
  tokenless.close();
  if (process.platform === 'linux') {
    t.notOk(joined.environment.includes(planted), 'a client’s token is not in its environment');
    t.equal(statSync(join(data, 'logs', 'joined.log')).mode & 0o077, 0, 'its log is its owner’s alone');
  }
  joined.process.kill('SIGTERM');
  t.match(await joined.ended, { code: 0, stderr: '' });
});

t.test('the commands show who they are', async (t) => {
  const found = await runSegue('runs', '--data', data, '--json');
  t.equal(found.code, 0, found.stderr);
  t.match(
    found.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [{ id: 'own' }, { id: 'again' }, { id: 'toy' }],
  );
  const elsewhere = ['--controller', cluster.controllerAddress];
  const { ca = '', cert = '', key = '', tokenFile = '' } = cluster.credentials;
  const stranger = await runSegue('runs', ...elsewhere, '--ca', ca, '--cert', cert, '--key', key);
  t.equal(stranger.code, 4, 'not allowed');
  t.match(stranger.stderr, /token is unknown/, 'SEGUE_TOKEN is shown, and is none of theirs');
  t.notMatch(stranger.stderr, planted);
  delete process.env.SEGUE_TOKEN;
  const known = await runSegue(
    'runs',
    ...elsewhere,
    '--ca',
    ca,
    '--cert',
    cert,
    '--key',
    key,
    '--token-file',
    tokenFile,
  );
  t.equal(known.code, 0, known.stderr);
  const stopped = await runSegue('stop', 'again', '--data', data, '--json');
  t.match(JSON.parse(stopped.stdout), { id: 'again', state: 'stopped' });
  const over = await runSegue('resume', 'again', '--data', data);
  t.equal(over.code, 2, 'a run that was stopped does not go on');
  t.match(over.stderr, /again/);
  const half = await runSegue('runs', ...elsewhere, '--ca', ca);
  t.equal(half.code, 2);
  t.match(half.stderr, /ca, cert and key go together/);
});

/** Every file under a folder, but the folder of the secrets itself. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (path === securityFolder) return [];
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

t.test('no secret is in logs, data, metrics, command lines or errors', async (t) => {
  const keys = readdirSync(securityFolder).filter((name) => /\.(key|seed|token)$/.test(name));
  t.ok(keys.length >= 13, keys.join(' '));
  const secrets = [
    planted,
    ...keys.map(
      (name) =>
        secretFile(name)
          .replace(/-----[A-Z ]+-----/g, '')
          .trim()
          .split('\n')[0] ?? '',
    ),
  ];
  for (const secret of secrets) t.ok(secret.length >= 19, 'long enough not to be found by chance');
  const places = new Map<string, Buffer>();
  for (const path of filesBelow(data)) if (statSync(path).isFile()) places.set(path, readFileSync(path));
  for (const { name, pid, metricsAddress } of (await readClusterState(data))?.processes ?? []) {
    if (pid !== null && process.platform === 'linux')
      places.set(`command line of ${name}`, readFileSync(`/proc/${pid}/cmdline`));
    if (pid !== null && process.platform === 'linux') {
      const environment = readFileSync(`/proc/${pid}/environ`);
      t.notOk(environment.includes(planted), `a client's token is not in the environment of ${name}`);
    }
    if (metricsAddress !== '')
      places.set(`metrics of ${name}`, Buffer.from(await (await fetch(`http://${metricsAddress}/metrics`)).text()));
  }
  const error = await client.getRun('nobody').catch(SegueError.from);
  places.set('an error', Buffer.from(String(error)));
  t.ok(places.size > 20, `${places.size} places are searched`);
  const logs = [...places].filter(([name]) => name.endsWith('.log'));
  t.ok(
    logs.some(([, bytes]) => bytes.includes('effective configuration')),
    'the printed configuration is among them',
  );
  const found = [...places].flatMap(([name, bytes]) =>
    secrets.filter((secret) => bytes.includes(secret)).map(() => name),
  );
  t.strictSame(found, []);
});
