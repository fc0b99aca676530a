/**
 * One real cluster, two runs. In the first a trajectory kills every actor that has it, and a verdict hangs: both are given up with a reason, the rest
 * of the run is whole. In the second both actors stop in the middle of an iteration and another one joins: it takes their work over, what they
 * send later is fenced, and it leaves again. All the while the clock of one actor jumps by hours.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectActor } from '@segue/bus';
import type { DeadLetterRecord, ProblemInput, RunConfigInput } from '@segue/core';
import { parseRunConfig } from '@segue/core';
import t, { type Test } from 'tap';
import { readProblemFile } from '../../packages/cli/dist/problems/problem-file.js';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { type ClusterRun, prepareToyRun, requireWhole } from '../support/cluster-run.js';
import { runSegue, startSegue } from '../support/command.js';
import { toyConfig } from '../support/toy-task.js';
import { collect, until } from '../support/waiting.js';

const program = (name: string) => fileURLToPath(new URL(`../support/unwell/${name}.mjs`, import.meta.url));
const environment = {
  POISON_TRAJECTORY: 'faults-1-g1-t2',
  HANGING_TRAJECTORY: 'faults-1-g0-t0',
  SKEWED_ID: 'actor-1',
  CHUNK_PAUSE_MS: '150',
};
const slots = ['leaseMs=2000', 'slots=16', 'chunkTokens=16'];

/** Every response ends in its first segment, and an iteration ends with the last of them. */
const rollout = { ...toyConfig.rollout, tokenBudget: 48, overSampling: 1, closeWhen: 'all' as const };
const brief: RunConfigInput = {
  ...toyConfig,
  iterations: 2,
  warmup: { steps: 0 },
  evaluation: { everyIterations: 0, samples: 1, problems: 4 },
  train: { ...toyConfig.train, keepEqualGroups: true },
};

Object.assign(process.env, environment);
t.teardown(() => {
  for (const name of Object.keys(environment)) delete process.env[name];
});

t.test('a cluster with faults', async (t) => {
  const settings = {
    actor: slots,
    reward: ['timeoutMs=300'],
    controller: ['waitingNoticeMs=1000', 'reconcileIntervalMs=500'],
  };
  const entries = { actor: program('faulty-actor'), reward: program('hanging-reward') };
  const small = { ...rollout, groupsPerIteration: 4, groupSize: 4 };
  const run = await prepareToyRun(t, 'faults-1', { settings, entries }, { ...brief, rollout: small });
  await t.test('a poison trajectory and a verdict that hangs', (t) => givenUp(t, run));
  await t.test('stragglers, a joiner, late results', (t) => takenOver(t, run));
});

async function givenUp(t: Test, { cluster, client, store, runId, data }: ClusterRun): Promise<void> {
  await client.resumeRun(runId);
  t.equal((await client.waitForRun(runId)).state, 'finished');
  const letters = new Map((await collect(client.deadLetters(runId))).map((letter) => [letter.kind, letter]));
  t.match(letters.get('trajectory'), {
    id: `trajectory-${environment.POISON_TRAJECTORY}`,
    tries: 5,
    reason: /kills its actors: lost 5 times .* the last 3 times while it ran alone/,
  });
  t.match(letters.get('score'), {
    id: `score-${environment.HANGING_TRAJECTORY}`,
    tries: 3,
    reason: /timeout: scorer exact took longer than 300 ms/,
  });
  t.equal(letters.size, 2);
  const restarts = ['actor-0', 'actor-1'].map((name) => cluster.child(name).restarts);
  t.equal(restarts[0]! + restarts[1]!, 5, 'it cost five actors');
  const { trajectoriesByState, groupsOpen } = await store.statistics(runId);
  t.match({ ...trajectoriesByState, groupsOpen }, { failed: 2, scored: 30, groupsOpen: 0 }, 'and nobody else a try');
  await until(async () => (await client.status()).faults['dead-letters-trajectory'] === 1);

  const segue = async (...args: string[]) => {
    const { stdout, stderr, code } = await runSegue('dead-letters', ...args, '--data', data, '--json');
    t.equal(code, 0, stderr);
    return stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  };
  const list = (await segue('list', '--run', runId)) as DeadLetterRecord[];
  t.equal(list.length, 2);
  t.match(await segue('show', list[0]!.id), [{ id: list[0]!.id, bodyHex: '' }]);
  t.match(await segue('requeue', letters.get('trajectory')!.id), [{ outcome: /again$/ }]);
  t.match(await segue('drop', letters.get('score')!.id), [{ kind: 'score' }]);
  t.strictSame(await segue('list'), []);
  const { code } = await runSegue('dead-letters', 'show', 'trajectory-none', '--data', data);
  t.equal(code, 2, 'what is not there is refused');
}

async function takenOver(t: Test, run: ClusterRun): Promise<void> {
  const { cluster, client, store, data } = run;
  const problems: ProblemInput[] = await collect(readProblemFile(join(dirname(data), 'problems.jsonl')));
  const config = parseRunConfig({ ...brief, rollout: { ...rollout, groupsPerIteration: 8 } }, 'toy');
  const runId = 'faults-2';
  await prepareRun(client, runId, config, [{ batchId: 'all', problems }]);
  const own = ['actor-0', 'actor-1'].map((name) => cluster.child(name).pid!);
  const actors = ['actor-0', 'actor-1'].map((name) => connectActor(cluster.child(name).address.address));
  t.teardown(() => actors.forEach((one) => void one.close()));
  const isBusy = ({ running }: { readonly running: number }) => running > 0;
  const signal = (name: NodeJS.Signals) => own.forEach((pid) => void process.kill(pid, name));
  let joiner: ReturnType<typeof startSegue> | null = null;
  t.teardown(() => joiner?.process.kill('SIGKILL'));
  const named: string[] = [];
  const isSilent = (from: string) => /actor-[01].*\(does not answer\)/.test(from);
  let over = false;
  const watchStatus = async () => {
    while (!over) {
      for (const { what, from } of (await client.status()).waiting) if (what === 'segments') named.push(from);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  let watching: Promise<void> = Promise.resolve();
  let told = 0;
  await client.resumeRun(runId);
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind === 'waiting' && event.body.what === 'segments') told += 1;
    if (event.kind !== 'phase') continue;
    const { phase, iteration } = event.body;
    if (phase === 'rollout' && iteration === 0) {
      // In the middle of a chunk: what it brings is late when they go on.
      await until(async () => (await Promise.all(actors.map((one) => one.getActorStatus({})))).every(isBusy));
      signal('SIGSTOP');
      watching = watchStatus();
      // Named before somebody else has done their work.
      await until(async () => named.some(isSilent), 'the status names an actor that does not answer');
      joiner = startSegue([
        'actor',
        'join',
        '--data',
        data,
        '--id',
        'joined',
        ...slots.flatMap((one) => ['--set', one]),
      ]);
    }
    // The joiner has ended all of their work: now they go on where they stopped.
    if (phase === 'close' && iteration === 0) signal('SIGCONT');
    if (phase === 'rollout' && iteration === 1) joiner?.process.kill('SIGTERM');
  }
  over = true;
  await watching;
  t.equal((await joiner?.ended)?.code, 0, 'it left in order');
  t.ok(named.some(isSilent), `the status says from whom: ${[...new Set(named)].join(' | ')}`);
  t.ok(told > 0, 'and watchers are told');
  const records = await collect(store.trajectories(runId));
  const first = records.flatMap(({ segments }) => segments.filter(({ iteration }) => iteration === 0));
  t.ok(
    first.some(({ actorId }) => actorId === 'joined'),
    'it took work in the iteration in which it came',
  );
  t.ok(
    ((await store.statistics(runId)).appendsByOutcome['kept-earlier'] ?? 0) > 0,
    'late results are refused and counted',
  );
  await until(async () => ((await client.status()).faults['fenced-kept-earlier'] ?? 0) > 0);
  const committed = new Set(records.flatMap(({ segments }) => segments.map(({ actorId }) => actorId)));
  t.ok(committed.has('actor-1'), 'the one whose clock jumps works like any other');
  await requireWhole(t, { ...run, runId, iterations: config.iterations });
}
