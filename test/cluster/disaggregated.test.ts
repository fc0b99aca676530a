/**
 * Trainer and actors apart: actors that cannot read the trainer's folder fetch versions over the network. One joins in the middle of an iteration and gets the
 * version that is served from the actor that has it, not from the trainer; another leaves in the middle of an iteration; nothing is lost.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectReplay } from '@segue/bus';
import type { RunConfigInput } from '@segue/core';
import t from 'tap';
import { defaultRestartRules } from '../../packages/cli/dist/cluster/child.js';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';
import { type Running, startSegue } from '../support/command.js';
import { hiding, whyNoHiding } from '../support/hiding.js';
import { toyConfig } from '../support/toy-task.js';
import { collect, until } from '../support/waiting.js';

const runId = 'apart-1';
const skip = whyNoHiding() ?? false;
/** An iteration waits for every verdict: without a scorer it stays open. */
const config: RunConfigInput = {
  ...toyConfig,
  iterations: 4,
  rollout: { ...toyConfig.rollout, groupsPerIteration: 8, groupSize: 4, overSampling: 1, closeWhen: 'all' },
  warmup: { ...toyConfig.warmup, steps: 20 },
  train: { ...toyConfig.train, keepEqualGroups: true },
};

/** Downloads of versions that a process has answered whole. */
async function downloadsFrom(metricsAddress: string): Promise<number> {
  const text = await (await fetch(`http://${metricsAddress}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('segue_calls_total{') && /DownloadPolicy/.test(line));
  return lines.filter((line) => /code="OK"/.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

interface Served {
  readonly version: number;
  readonly source: string;
}

/** What an actor has told of the versions that it serves, in order. */
function servedBy(data: string, name: string): Served[] {
  const path = join(data, 'logs', `${name}.log`);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return lines.filter((line) => line.includes('"a policy version is served"')).map((line) => JSON.parse(line));
}

t.test('actors that share no folder with the trainer come and go while a run goes on', { skip }, async (t) => {
  const entries = { actor: fileURLToPath(new URL('../support/unwell/apart-actor.mjs', import.meta.url)) };
  // A dead scorer stays dead until the test starts it.
  const pauseMs = (name: string) => (name === 'reward' ? 600_000 : 500);
  const restarts = { ...defaultRestartRules, pauseMs };
  const data = await mkdtemp(join(tmpdir(), 'segue-apart-'));
  const policies = join(data, 'policies');
  process.env.ACTOR_WRAPPER = JSON.stringify(hiding(policies));
  t.teardown(() => delete process.env.ACTOR_WRAPPER);
  const settings = { actor: ['slots=4'], reward: ['leaseMs=2000'], controller: ['reconcileIntervalMs=500'] };
  const run = await prepareToyRun(t, runId, { dataFolder: data, actors: 1, entries, restarts, settings }, config);
  const { cluster, client, store } = run;
  const metricsOf = (name: string) => cluster.child(name).address.metricsAddress;
  const replay = connectReplay(cluster.child('replay').address.address);
  t.teardown(() => replay.close());
  const joined: Running[] = [];
  const joinAs = (id: string) => {
    const args = ['actor', 'join', '--data', data, '--id', id, '--set', 'slots=4'];
    const one = startSegue(args, () => {}, hiding(policies));
    joined.push(one);
    return one;
  };
  t.teardown(() => joined.forEach(({ process: child }) => void child.kill('SIGKILL')));

  const leaver = joinAs('leaver');
  await until(async () => (await client.status()).actors.some(({ actorId }) => actorId === 'leaver'));
  await client.resumeRun(runId);
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind !== 'phase' || event.body.phase !== 'rollout') continue;
    if (event.body.iteration === 1) {
      process.kill(cluster.child('reward').pid!, 'SIGKILL');
      const before = await downloadsFrom(metricsOf('trainer'));
      t.ok(before > 0, 'those who were there have their versions from the trainer');
      joinAs('late');
      await until(async () => servedBy(data, 'late').length > 0);
      const [first] = servedBy(data, 'late');
      const { policyVersion, tasks } = await replay.getIteration({ runId, iteration: 1 });
      t.match(first, { version: policyVersion, source: 'peer' }, 'it serves the version of the open iteration');
      t.equal(await downloadsFrom(metricsOf('trainer')), before, 'the trainer has sent nothing for it');
      await until(
        async () => (await replay.getIteration({ runId, iteration: 1 })).progress.committedTasks === tasks.length,
      );
      await cluster.child('reward').start();
    }
    if (event.body.iteration === 2) leaver.process.kill('SIGTERM');
  }
  t.equal((await leaver.ended).code, 0, 'it left in order');
  const sources = new Set(
    ['actor-0', 'leaver', 'late'].flatMap((name) => servedBy(data, name).map((one) => one.source)),
  );
  t.notOk(sources.has('shared'), 'nobody has read the folder of the trainer');
  const records = await collect(store.trajectories(runId));
  const segmentsOf = (id: string) =>
    records.flatMap(({ segments }) => segments).filter(({ actorId }) => actorId === id);
  t.ok(
    segmentsOf('late').some(({ iteration }) => iteration >= 2),
    'who joined works',
  );
  t.ok(segmentsOf('leaver').length > 0, 'what was generated by who left is kept');
  t.notOk(
    segmentsOf('leaver').some(({ iteration }) => iteration > 2),
    'and it has got nothing since',
  );
  await requireWhole(t, run);
});
