/** The reward service at work: the queue on a real nats-server, and the calls. Scorers of somebody's own are in own-scorers.test.ts. */
import { addService, connectReward, createServer, type Lease, listen, rewardContract, stopServer } from '@segue/bus';
import { type RewardTask, type Score, SegueError } from '@segue/core';
import {
  builtInScorers,
  Pool,
  Problems,
  requireScorer,
  rewardHandlers,
  type Scorer,
  scorerTable,
  Tokenizers,
  type WorkParts,
} from '@segue/reward';
import { createMetrics } from '@segue/service';
import t, { type Test } from 'tap';
import { countVerdict, rewardMetricTable, showScorers } from '../dist/metrics.js';
import { FakeStore, newWorld, problem, rules, trajectory } from './support/world.js';

t.test('tasks are judged by token ids over all segments, and every one gets its verdict', async (t) => {
  const { bus, store, outcomes, score } = await newWorld(t);
  const ids = Array.from({ length: 20 }, (_, i) => store.add(i, i % 2 === 0 ? 's;#42' : 's;#41'));
  const verdicts = await score(ids);
  for (const [i, id] of ids.entries()) t.same(verdicts.get(id), i % 2 === 0 ? ['ok', 1] : ['wrong', 0]);
  t.equal(store.readings, 1, 'problems are read once');
  store.problems.push(problem('p1', { answer: '7', scorer: 'numeric' }));
  t.same([...(await score([store.add(20, 's;#07', 'p1')])).values()], [['ok', 1]]);
  t.equal(store.readings, 2, 'and again when an unknown one is met');
  const { reward } = await bus.queueDepths();
  t.equal(reward.pending + reward.leased, outcomes.length - 21, 'what has its verdict is acknowledged');
});

t.test(
  'what cannot be read now is tried again; what has a verdict, and what nobody knows, is not judged',
  async (t) => {
    const { bus, store, outcomes, score } = await newWorld(t);
    store.failures = 2;
    const id = store.add(0, 's;#42');
    t.same([...(await score([id])).values()], [['ok', 1]]);
    t.same(outcomes.slice(0, 2), ['returned', 'returned']);
    const judged = store.add(1, 's;#42');
    store.trajectories.set(judged, { ...trajectory(judged, 'p0', 's;#42'), state: 'scored' });
    const last = store.add(2, 's;#42');
    await bus.publishRewardTasks(
      [judged, 'run-g9-t9'].map((trajectoryId) => ({ runId: 'run', trajectoryId, attempt: 0 })),
    );
    t.same([...(await score([last])).keys()], [last]);
    while (!outcomes.includes('discarded') || !outcomes.includes('not-needed')) await new Promise(setImmediate);
    t.match(await bus.deadLetters(), [{ reason: /never planned/ }]);
  },
);

t.test('a problem whose scorer nobody knows gets an error, never a reward of zero', async (t) => {
  const { store, score } = await newWorld(t, { scorers: scorerTable([]), patienceMs: 0 });
  t.same([...(await score([store.add(0, 's;#42')])).values()], [['error', null]]);
});

t.test('a verdict carries the attempt of its task, also where no scorer came to one', async (t) => {
  const { bus, store } = await newWorld(t);
  const tasks = [store.add(0, 's;#42'), store.add(1, 's;#42', 'p9')].map((trajectoryId, index) => ({
    runId: 'run',
    trajectoryId,
    attempt: index + 1,
  }));
  await bus.publishRewardTasks(tasks);
  const verdicts = new Map<string, Score>();
  const listening = new AbortController();
  for await (const lease of bus.consumeScores({ signal: listening.signal })) {
    const { score } = lease.value;
    verdicts.set(score.trajectoryId, score);
    await lease.ack();
    if (verdicts.size === tasks.length) break;
  }
  listening.abort();
  t.match(verdicts.get('run-g0-t0'), { status: 'ok', attempt: 1 });
  t.match(verdicts.get('run-g0-t1'), { status: 'error', attempt: 2 });
});

t.test('a scorer that this service has not heard of yet is waited for', async (t) => {
  let known = scorerTable([]);
  const scorers = { ...known, get: (name: string) => known.get(name) };
  const { store, outcomes, score } = await newWorld(t, { scorers });
  const scoring = score([store.add(0, 's;#42')]);
  while (outcomes.length === 0) await new Promise(setImmediate);
  known = builtInScorers;
  t.same([...(await scoring).values()], [['ok', 1]]);
  t.equal(outcomes[0], 'returned');
  t.notOk(outcomes.includes('error'));
});

t.test('at most so many responses are judged at once, and a lease is renewed while one is', async (t) => {
  let running = 0;
  let most = 0;
  let judged = 0;
  const slow: Scorer = {
    name: 'exact',
    description: '',
    metadataSchema: null,
    score: async () => {
      most = Math.max(most, ++running);
      // Longer than the lease of a second.
      await new Promise((resolve) => setTimeout(resolve, judged < 2 ? 1_500 : 1));
      running--;
      judged++;
      return { status: 'ok', reward: 1, detail: '' };
    },
  };
  const { store, score } = await newWorld(t, { scorers: scorerTable([slow]), pool: new Pool(2) });
  await score(Array.from({ length: 6 }, (_, i) => store.add(i, 's;#42')));
  t.equal(most, 2);
  t.equal(judged, 6, 'none was judged twice');
});

t.test('while there are plenty of tasks, four for each place are in hand', async (t) => {
  const inHand: number[] = [];
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const gated: Scorer = {
    name: 'exact',
    description: '',
    metadataSchema: null,
    score: async () => {
      await gate;
      return { status: 'ok', reward: 1, detail: '' };
    },
  };
  const { bus, store, score } = await newWorld(t, {
    scorers: scorerTable([gated]),
    pool: new Pool(2),
    onInHand: (tasks) => inHand.push(tasks),
  });
  const ids = Array.from({ length: 12 }, (_, i) => store.add(i, 's;#42'));
  const scored = score(ids);
  while (inHand.at(-1) !== 8) await new Promise(setImmediate);
  t.equal((await bus.queueDepths()).reward.pending, 4, 'the others are left to other scorers');
  open();
  t.equal((await scored).size, 12);
  t.equal(Math.max(...inHand), 8);
});

t.test('what lacks its problem or its tokenizer is answered with an error, never thrown away', async (t) => {
  const { bus, store, outcomes, score } = await newWorld(t);
  const noProblem = store.add(0, 's;#42', 'p9');
  t.strictSame((await score([noProblem])).get(noProblem), ['error', null]);

  // Another run, whose policy is gone from the disk and from the trainer.
  const gone = { runId: 'lost', version: 1, manifestSha256: '', folder: '/nowhere', trainerAddress: '' };
  const tokenizers = new Tokenizers({
    bus: { getActivePolicy: async () => gone },
    trainer: () => Promise.reject(new SegueError('NOT_FOUND', 'version 1 of run lost is not in the policy store')),
    folder: t.testdir(),
  });
  const other = await newWorld(t, { tokenizers });
  const noTokenizer = other.store.add(0, 's;#42');
  t.strictSame((await other.score([noTokenizer])).get(noTokenizer), ['error', null]);

  // Acknowledged after the verdict is published.
  while (outcomes.length + other.outcomes.length < 2) await new Promise(setImmediate);
  t.strictSame([...outcomes, ...other.outcomes], ['error', 'error']);
  for (const one of [bus, other.bus]) {
    t.strictSame(await one.deadLetters(), []);
    t.match((await one.queueDepths()).reward, { pending: 0, leased: 0 });
  }
});

t.test('a task that was given back often is judged; one that scorers were lost with is answered', async (t) => {
  const verdicts: Score[] = [];
  const waiting: Lease<RewardTask>[] = [];
  const bus: WorkParts['bus'] = {
    takeRewardTasks: async () => {
      await new Promise(setImmediate);
      return waiting.splice(0);
    },
    publishScore: async (_, score) => void verdicts.push(score),
  };
  const { store } = await newWorld(t, { bus });
  const put = (index: number, lostDeliveries: () => Promise<number>) =>
    waiting.push({
      value: { runId: 'run', trajectoryId: store.add(index, 's;#42'), attempt: 0 },
      deliveryCount: 16,
      lostDeliveries,
      leaseMs: 60_000,
      extend: () => undefined,
      ack: async () => undefined,
      hold: () => undefined,
      begin: async () => undefined,
      lose: () => undefined,
      excuse: () => undefined,
      giveBack: () => t.fail('given back'),
      discard: async () => void t.fail('discarded'),
    });
  put(0, async () => 14);
  put(1, async () => 15);
  put(2, () => Promise.reject(new SegueError('NOT_FOUND', 'no such stream')));
  while (verdicts.length < 3) await new Promise(setImmediate);
  const statuses = new Map(verdicts.map(({ trajectoryId, status }) => [trajectoryId, status]));
  t.equal(statuses.get('run-g0-t0'), 'ok');
  t.equal(statuses.get('run-g0-t2'), 'ok', 'who cannot be asked condemns nobody');
  t.match(
    verdicts.find(({ status }) => status === 'error'),
    { trajectoryId: 'run-g0-t1', scorer: 'exact', detail: /lost 15 times/ },
  );
});

async function serve(t: Test, scorers = builtInScorers, onVerdict: (score: Score) => void = () => {}) {
  const server = createServer({ maxMessageBytes: 1 << 20 });
  const stopping = new AbortController();
  addService(
    server,
    rewardContract,
    rewardHandlers({ scorers, pool: new Pool(2), rules: { ...rules, timeoutMs: 50 }, onVerdict }),
    {
      signal: stopping.signal,
    },
  );
  const client = connectReward(`127.0.0.1:${await listen(server, '127.0.0.1', 0)}`);
  t.teardown(async () => {
    client.close();
    await stopServer(server, 1_000);
  });
  return client;
}

t.test('ScoreBatch answers in the order of the requests, and one that fails does not touch the others', async (t) => {
  const hanging: Scorer = {
    name: 'hanging',
    description: '',
    metadataSchema: null,
    score: () => new Promise(() => {}),
  };
  const metrics = createMetrics('reward', 'r');
  const builtIn = builtInScorers.names().map((name) => requireScorer(builtInScorers, name, 'test'));
  const scorers = scorerTable([...builtIn, hanging]);
  const counts = metrics.define(rewardMetricTable);
  showScorers(counts, scorers);
  const client = await serve(t, scorers, (score) => countVerdict(counts, scorers, score));
  const requests = [
    { id: 'a', scorer: 'exact', prompt: '', response: '#1', answer: '1', metadata: {} },
    { id: 'b', scorer: 'hanging', prompt: '', response: '#1', answer: '1', metadata: {} },
    { id: 'c', scorer: 'expression', prompt: '', response: '#3*8', answer: '24', metadata: { numbers: [3, 8] } },
    { id: 'd', scorer: 'expression', prompt: '', response: '#3*8', answer: '24', metadata: {} },
    { id: 'e', scorer: 'numeric', prompt: '', response: '#2', answer: '1', metadata: {} },
  ];
  const { scores } = await client.scoreBatch({ requests });
  t.same(
    scores.map(({ trajectoryId, status, reward }) => [trajectoryId, status, reward]),
    [
      ['a', 'ok', 1],
      ['b', 'timeout', null],
      ['c', 'ok', 1],
      ['d', 'error', null],
      ['e', 'wrong', 0],
    ],
  );
  const text = (await metrics.registry.metrics())
    .replaceAll(',service="reward",id="r"', '')
    .replaceAll('service="reward",id="r",', '');
  for (const line of [
    'segue_reward_verdicts_total{scorer="expression",status="ok"} 1',
    'segue_reward_verdicts_total{scorer="expression",status="error"} 1',
    'segue_reward_verdicts_total{scorer="hanging",status="timeout"} 1',
    'segue_reward_verdicts_total{scorer="unknown",status="ok"} 0',
    'segue_reward_verdict_seconds_count{scorer="expression"} 2',
    'segue_reward_rewards_total{scorer="exact"} 1',
    'segue_reward_rewards_total{scorer="numeric"} 0',
  ]) {
    t.ok(text.includes(`${line}\n`), line);
  }
  await t.rejects(client.scoreBatch({ requests: [requests[0]!, { ...requests[0]!, scorer: 'exakt' }] }), {
    code: 'INVALID_INPUT',
    message: /request 1: unknown scorer "exakt"; there are exact, numeric, expression/,
  });
});

t.test('ListScorers names every scorer with the metadata that it reads', async (t) => {
  const client = await serve(t);
  const { scorers } = await client.listScorers({});
  t.same(
    scorers.map(({ name }) => name),
    ['exact', 'numeric', 'expression'],
  );
  const schema = JSON.parse(scorers.find(({ name }) => name === 'expression')?.metadataSchemaJson ?? '');
  t.same(schema.required, ['numbers']);
});

t.test('problems that are read ahead are not read again for a response', async (t) => {
  const store = new FakeStore();
  const problems = new Problems(async () => store);
  await problems.prepare('run');
  await problems.prepare('run');
  t.equal(store.readings, 1);
  for (const { id } of store.problems) t.equal((await problems.get('run', id)).id, id);
  t.equal(store.readings, 1);
  await t.rejects(problems.get('run', 'unheard-of'), { code: 'NOT_FOUND' });
  t.equal(store.readings, 2, 'one that is unknown may be newer');
});
