/**
 * deploy/docker-compose.yml for real: the image is built, the cluster starts, a foreign client submits problems through the published port, containers are
 * killed and cut off while the run goes on, and everything stops in order. Skipped where no engine runs or no base image can be made; CI has neither.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { whyNoBaseImage } from './base-image.js';
import { compose, containersOf, docker, leftOf, type Project, stateOf, until, whyNoDocker } from './docker.js';
import { foreignToy, startForeignRun } from './foreign-run.js';
import { testSettings } from './settings.js';

const folder = resolve(import.meta.dirname, '../../deploy');
const services = ['nats', 'replay', 'controller', 'reward', 'trainer', 'actor', 'prometheus'];
const why = whyNoDocker() ?? whyNoBaseImage();
const skip = why !== null && `containers cannot be tried here: ${why}`;
// An image is built, and a dozen containers share the machine with other tests.
t.setTimeout(900_000);

t.test('a cluster in containers', { skip }, async (t) => {
  const project = await startProject(t);
  const credentials = await takeCredentials(t, project);
  const run = startForeignRun(t, `localhost:${project.environment.SEGUE_PORT}`, credentials);

  await t.test('survives what happens to containers while a run goes on', async (t) => {
    await run.sees(({ kind, body }) => kind === 'phase' && body.phase === 'rollout');
    const [first = '', second = ''] = await containersOf(project, 'actor');
    await docker(['kill', '--signal', 'KILL', first]);
    await cutOff(project, second, 'actor');
    const [trainer = ''] = await containersOf(project, 'trainer');
    await docker(['kill', '--signal', 'KILL', trainer]);
    // Who kills by hand starts by hand: restart policies leave what the engine was told to kill.
    await docker(['start', first, trainer]);
    const last = await run.ends();
    t.match(last, { state: 'RUN_STATE_FINISHED', iterations: foreignToy.iterations, error: '' });
    t.ok((last.policy_version ?? 0) > 0, 'it has learned something from its rollouts');
  });

  await t.test('brings back what ends by itself', async (t) => {
    const [reward = ''] = await containersOf(project, 'reward');
    const startedAt = () => docker(['inspect', '--format', '{{.State.StartedAt}}', reward]);
    const before = await startedAt();
    await docker(['exec', reward, 'node', '--eval', endTheService]);
    await until('reward is back', 60_000, async () => (await startedAt()) !== before);
    t.equal(await docker(['inspect', '--format', '{{.RestartCount}}', reward]), '1');
  });

  await t.test('is watched by Prometheus, every actor of it', async (t) => {
    const up = await targetsOf(project);
    t.strictSame(up, ['actor', 'actor', 'controller', 'replay', 'reward', 'trainer']);
  });

  await t.test('runs without rights', async (t) => {
    for (const service of ['actor', 'replay', 'controller', 'nats', 'prometheus']) {
      const [container = ''] = await containersOf(project, service);
      const status = await docker(['exec', container, 'sh', '-c', 'cat /proc/1/status; touch /x 2>&1 || true']);
      t.match(status, /^Uid:\s+(10001|65534)\s/m, service);
      t.match(status, /^CapEff:\s+0+$/m, service);
      t.match(status, 'Read-only file system', service);
    }
    const [actor = ''] = await containersOf(project, 'actor');
    t.equal(await docker(['exec', actor, 'sh', '-c', 'ls /credentials/*/*.key']), '/credentials/actor/tls.key');
  });

  await t.test('stops in order', async (t) => {
    // Longer than the file's own time: on a machine that other tests share, an end by SIGKILL would say nothing.
    await compose(project, 'stop', '--timeout', '120');
    for (const service of services) {
      for (const container of await containersOf(project, service)) {
        const [state, code] = (
          await docker(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', container])
        ).split(' ');
        t.equal(state, 'exited');
        // nats-server and Prometheus end by the signal itself.
        t.ok(
          code === '0' || ((service === 'nats' || service === 'prometheus') && code === '1'),
          `${service} ends with ${code}`,
        );
      }
    }
  });
});

/** Ends the process that the engine's init started, as a crash would. */
const endTheService =
  'const ids = fs.readdirSync("/proc").map(Number); process.kill(Math.min(...ids.filter((id) => id > 1)), "SIGKILL")';

async function startProject(t: Test): Promise<Project> {
  const project: Project = {
    folder,
    name: `segue-test-${process.pid}`,
    environment: await testSettings(),
  };
  t.teardown(async () => {
    await compose(project, 'down', '--volumes', '--timeout', '5');
    const left = await leftOf(project);
    if (left.length > 0) throw new Error(`docker compose down left ${left.join(', ')}`);
  });
  await compose(project, 'build', 'prepare');
  const beganAtMs = performance.now();
  await compose(project, 'up', '--detach', '--no-build');
  const all = (await Promise.all(services.map((service) => containersOf(project, service)))).flat();
  await until('every container is healthy', 400_000, async () => {
    const states = await Promise.all(all.map(stateOf));
    return states.every((state) => state === 'running healthy');
  });
  t.comment(`every container healthy ${((performance.now() - beganAtMs) / 1_000).toFixed(1)} s after up`);
  return project;
}

/** The operator's, out of the container that made them. */
async function takeCredentials(t: Test, project: Project): Promise<string> {
  const path = mkdtempSync(join(tmpdir(), 'segue-operator-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  const [prepare = ''] = await containersOf(project, 'prepare');
  await docker(['cp', `${prepare}:/credentials/clients/operator/.`, path]);
  return path;
}

/** Takes a container out of the cluster's network for longer than a lease, then puts it back. */
async function cutOff(project: Project, container: string, alias: string): Promise<void> {
  const network = `${project.name}_cluster`;
  await docker(['network', 'disconnect', network, container]);
  await new Promise((done) => setTimeout(done, 12_000));
  await docker(['network', 'connect', '--alias', alias, network, container]);
}

/** Jobs of the targets that Prometheus reaches, once it has found as many as there are. */
async function targetsOf({ environment }: Project): Promise<string[]> {
  let jobs: string[] = [];
  await until('Prometheus reaches six targets', 60_000, async () => {
    const answer = await fetch(`http://127.0.0.1:${environment.PROMETHEUS_PORT}/api/v1/targets`);
    const { data } = (await answer.json()) as {
      data: { activeTargets: { health: string; labels: { job: string } }[] };
    };
    jobs = data.activeTargets.filter(({ health }) => health === 'up').map(({ labels }) => labels.job);
    return jobs.length === 6;
  });
  return jobs.sort();
}
