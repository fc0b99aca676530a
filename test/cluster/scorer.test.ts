/**
 * One real cluster whose scorer is ten times slower than usual, late once, and then gone: its queue stays bounded, what is late is masked and judged again, rollouts
 * go on, the batch waits for verdicts, whoever looks can see it, and the run is whole when it is back.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectReplay } from '@segue/bus';
import type { RunConfigInput } from '@segue/core';
import t from 'tap';
import { defaultRestartRules } from '../../packages/cli/dist/cluster/child.js';
import { prepareToyRun, requireWhole } from '../support/cluster-run.js';
import { toyConfig } from '../support/toy-task.js';
import { until } from '../support/waiting.js';

const runId = 'scorer';
const late = `${runId}-g0-t0`;
const concurrency = 4;
const tasks = 32;
/** Every response ends in its first segment, and an iteration waits for every verdict. */
const brief: RunConfigInput = {
  ...toyConfig,
  iterations: 3,
  warmup: { steps: 0 },
  rollout: {
    ...toyConfig.rollout,
    ...{ tokenBudget: 48, groupsPerIteration: 8, groupSize: 4, overSampling: 1, closeWhen: 'all' },
  },
  evaluation: { everyIterations: 0, samples: 1, problems: 4 },
  train: { ...toyConfig.train, keepEqualGroups: true },
};

/** A verdict takes some 10 ms otherwise, most of it on the way. */
const environment = {
  SLOW_VERDICT_MS: '100',
  LATE_VERDICT_OF: late,
  ONCE_LATE_VERDICT: join(await mkdtemp(join(tmpdir(), 'segue-late-')), 'done'),
};
Object.assign(process.env, environment);
t.teardown(() => {
  for (const name of Object.keys(environment)) delete process.env[name];
});

/** A phase, and 20 s of the controller's patience, on a machine that does much else beside: less than the test has in all. */
const soon = (isSo: () => Promise<boolean>) => until(isSo, String(isSo), 180_000);

/** One sample of a process's metrics. */
async function sample(metricsAddress: string, line: string): Promise<number> {
  const text = await (await fetch(`http://${metricsAddress}/metrics`)).text();
  const found = text.split('\n').find((one) => one.startsWith(line));
  return found === undefined ? 0 : Number(found.split(' ').at(-1));
}

t.test('a slow scorer, a late verdict, no scorer at all', async (t) => {
  const settings = {
    reward: ['timeoutMs=1000', `concurrency=${concurrency}`, 'leaseMs=2000'],
    controller: ['waitingNoticeMs=1000', 'reconcileIntervalMs=500'],
  };
  const entries = { reward: fileURLToPath(new URL('../support/unwell/slow-reward.mjs', import.meta.url)) };
  // A dead scorer stays dead until the test starts it.
  const pauseMs = (name: string) => (name === 'reward' ? 600_000 : 500);
  const restarts = { ...defaultRestartRules, pauseMs };
  const run = await prepareToyRun(t, runId, { settings, entries, restarts }, brief);
  const { cluster, client, store } = run;
  const metricsOf = (name: string) => cluster.child(name).address.metricsAddress;
  const replay = connectReplay(cluster.child('replay').address.address);
  t.teardown(() => replay.close());
  const committed = async (iteration: number) =>
    (await replay.getIteration({ runId, iteration })).progress.committedTasks;

  let mostInHand = 0;
  let isSlow = true;
  const watchInHand = async () => {
    while (isSlow) {
      mostInHand = Math.max(mostInHand, await sample(metricsOf('reward'), 'segue_reward_in_hand'));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const watching = watchInHand();
  await client.resumeRun(runId);
  for await (const event of client.watchRun(runId, { fromStart: true })) {
    if (event.kind !== 'phase') continue;
    const { phase, iteration } = event.body;
    if (phase === 'close' && iteration === 0) {
      isSlow = false;
      await watching;
      // How many come at once is the machine's; the queue keeps what is beyond.
      const isBounded = mostInHand > concurrency && mostInHand <= 4 * concurrency;
      t.ok(isBounded, `${mostInHand} are in hand at most: more than are judged at once, and four for each place`);
      t.equal(await sample(metricsOf('reward'), 'segue_reward_tasks_total{outcome="timeout"'), 1);
      t.match((await store.trajectory(late)).score, { status: /ok|wrong/ }, 'judged again');
    }
    if (phase !== 'rollout' || iteration !== 1) continue;
    process.kill(cluster.child('reward').pid!, 'SIGKILL');
    await soon(async () => (await committed(1)) === tasks);
    t.pass('every response of the iteration came without a scorer');
    const pending = 'segue_controller_queue_messages{queue="reward",state="pending"';
    await soon(async () => (await sample(metricsOf('controller'), pending)) > 0);
    await soon(async () => (await sample(metricsOf('replay'), 'segue_replay_awaiting_score')) > tasks / 2);
    await soon(async () => (await client.status()).queues.some((one) => one.queue === 'reward' && one.pending > 0));
    await soon(async () => {
      const { state } = await replay.getIteration({ runId, iteration: 1 });
      const { waiting } = await client.status();
      return state === 'closed' && waiting.some(({ what, from }) => what === 'scores' && from === 'reward');
    });
    t.pass('the phase was closed without verdicts, and the batch waits for them');
    await cluster.child('reward').start();
  }
  const { metricsJson } = await replay.getIteration({ runId, iteration: 1 });
  t.match(JSON.parse(metricsJson), {
    closedBy: 'scores-late',
    awaitingScore: 0,
    groupsTrained: 8,
    policyVersionOut: 2,
  });
  t.strictSame(await store.statistics(runId).then((s) => s.deadLettersByKind), { trajectory: 0, score: 0, message: 0 });
  await requireWhole(t, run);
});
