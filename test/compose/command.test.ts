/**
 * The command's own way into containers: `segue up --compose`, status, a run that a client submits from outside, certificates that are renewed while it goes
 * on, `segue down --compose`. Skipped where no engine runs or no base image can be made; what happens to single containers is compose.test.ts.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { runSegue } from '../support/command.js';
import { whyNoBaseImage } from './base-image.js';
import { compose, containersOf, docker, leftOf, type Project, whyNoDocker } from './docker.js';
import { foreignToy, startForeignRun } from './foreign-run.js';
import { testSettings } from './settings.js';

const why = whyNoDocker() ?? whyNoBaseImage();
const skip = why !== null && `containers cannot be tried here: ${why}`;
const holders = ['actor', 'controller', 'nats', 'replay', 'reward', 'trainer'];
// An image is built, and a dozen containers share the machine with other tests.
t.setTimeout(900_000);

t.test('segue up --compose, from its start to its end', { skip }, async (t) => {
  const data = t.testdir();
  const project = await prepareProject(t);
  const up = () => runSegue('up', '--compose', '--actors', '1', '--data', data, '--json', '--timeout', '400');

  const first = await up();
  t.equal(first.code, 0, first.stderr);
  const { controller, page } = JSON.parse(first.stdout);
  t.equal(controller, `localhost:${project.environment.SEGUE_PORT}`);
  t.equal((await fetch(page)).status, 200, 'the page is served');
  t.notMatch(first.stderr, 'restarting', 'what has just begun has the newest certificates');
  const status = await runSegue('status', '--data', data);
  t.equal(status.code, 0, status.stderr);

  const run = startForeignRun(t, controller, join(data, 'compose/operator'));
  await run.sees(({ kind, body }) => kind === 'phase' && body.phase === 'rollout');

  await t.test('services begin again with certificates that were renewed, and the run goes on', async (t) => {
    const before = await startTimes(project);
    // A name that the certificates lack: those of the services are made anew.
    process.env.SEGUE_HOST = 'segue.example.org';
    const again = await up();
    t.equal(again.code, 0, again.stderr);
    t.match(again.stderr, `restarting ${holders.join(', ')}`);
    const after = await startTimes(project);
    for (const holder of holders) t.not(after.get(holder), before.get(holder), `${holder} has begun again`);
    t.match(await namesInCertificate(project), 'segue.example.org');
    t.notMatch((await up()).stderr, 'restarting', 'once is enough');
  });

  t.match(await run.ends(), { state: 'RUN_STATE_FINISHED', iterations: foreignToy.iterations, error: '' });
  const runs = await runSegue('runs', '--data', data, '--json');
  t.match(runs.stdout, /"foreign-1"/);

  const down = await runSegue('down', '--compose', '--volumes', '--data', data);
  t.equal(down.code, 0, down.stderr);
  t.strictSame(await leftOf(project), [], 'nothing is left');
  t.notOk(existsSync(join(data, 'compose')));
});

/** The command reads its settings from the environment. */
async function prepareProject(t: Test): Promise<Project> {
  const folder = resolve(import.meta.dirname, '../../deploy');
  const name = `segue-command-${process.pid}`;
  const environment = { ...(await testSettings()), COMPOSE_PROJECT_NAME: name, COMPOSE_ANSI: 'never' };
  Object.assign(process.env, environment);
  const project = { folder, name, environment };
  t.teardown(async () => {
    if ((await leftOf(project)).length > 0) await compose(project, 'down', '--volumes', '--timeout', '5');
  });
  await compose(project, 'build', 'prepare');
  return project;
}

/** When the one container of each service began. */
async function startTimes(project: Project): Promise<Map<string, string>> {
  const times = new Map<string, string>();
  for (const holder of holders) {
    const [container = ''] = await containersOf(project, holder);
    times.set(holder, await docker(['inspect', '--format', '{{.State.StartedAt}}', container]));
  }
  return times;
}

/** Of the controller, as it lies in its container. */
async function namesInCertificate(project: Project): Promise<string> {
  const [container = ''] = await containersOf(project, 'controller');
  const read = 'new (require("node:crypto").X509Certificate)(fs.readFileSync("/credentials/controller/tls.pem"))';
  return docker(['exec', container, 'node', '--print', `${read}.subjectAltName`]);
}
