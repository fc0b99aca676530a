/**
 * Scorers of somebody's own: what they may answer, where they may listen, when they count as absent, and the reward queue with real servers that lie,
 * die and come back.
 */
import type { Server } from '@grpc/grpc-js';
import {
  addService,
  connectReward,
  createServer,
  type Handlers,
  listen,
  rewardContract,
  type ScorerEntry,
  stopServer,
} from '@segue/bus';
import { type RewardApi, type Score, type ScoreRequest, SegueError } from '@segue/core';
import {
  builtInScorers,
  expiresAfterMs,
  forgottenAfterMs,
  KnownScorers,
  Pool,
  readVerdict,
  requireAddress,
  rewardHandlers,
  ScorerServers,
  scorerListHandlers,
} from '@segue/reward';
import t, { type Test } from 'tap';
import { newWorld, problem, rules } from './support/world.js';

const request: ScoreRequest = { id: 'x', scorer: 'judge', prompt: 'p', response: 'r', answer: 'a', metadata: {} };
const right: Score = { trajectoryId: 'x', scorer: 'judge', status: 'ok', reward: 0.5, detail: 'fine', durationMs: 1 };

t.test('a verdict is read, and what makes no sense is refused with a message that says what', async (t) => {
  t.same(readVerdict([right], request, 'judge'), { status: 'ok', reward: 0.5, detail: 'fine' });
  t.same(readVerdict([{ ...right, status: 'wrong', reward: 0 }], request, 'judge').status, 'wrong');
  t.equal(readVerdict([{ ...right, detail: 'x'.repeat(9_000) }], request, 'judge').detail.length, 2_000);
  const table: [readonly Score[], string, RegExp][] = [
    [[], 'missing', /answered without a score for x/],
    [[right, right], 'surplus', /answered one request with 2 scores/],
    [[{ ...right, trajectoryId: 'y' }], 'id', /asked about x and answered about "y"/],
    [[{ ...right, reward: Number.NaN }], 'reward', /said ok with reward NaN/],
    [[{ ...right, reward: Number.POSITIVE_INFINITY }], 'reward', /reward Infinity/],
    [[{ ...right, reward: null }], 'reward', /said ok with no reward/],
    [[{ ...right, reward: -1 }], 'reward', /ok takes a reward above zero/],
    [[{ ...right, status: 'wrong', reward: 0.5 }], 'reward', /wrong takes zero/],
  ];
  for (const [scores, kind, message] of table) {
    t.throws(() => readVerdict(scores, request, 'judge'), { code: 'INVALID_INPUT', kind, message }, kind);
  }
  const failed = (status: Score['status']) => [{ ...right, status, reward: null }];
  t.throws(() => readVerdict(failed('timeout'), request, 'judge'), { code: 'DEADLINE_EXCEEDED' });
  t.throws(() => readVerdict(failed('error'), request, 'judge'), { code: 'FAILED_PRECONDITION' });
});

t.test('a server listens on loopback, or is called over TLS, or the network is said to be closed', async (t) => {
  const closed = { tls: false, insecure: false };
  for (const address of ['127.0.0.1:1', 'localhost:65535', '[::1]:7']) requireAddress(address, closed);
  for (const address of ['10.0.0.7:5000', 'judge.example.org:5000', '127.0.0.1.example.org:80']) {
    t.throws(() => requireAddress(address, closed), { code: 'INVALID_INPUT', message: /is not loopback/ }, address);
    requireAddress(address, { ...closed, tls: true });
    requireAddress(address, { ...closed, insecure: true });
  }
  for (const address of ['', 'judge', '127.0.0.1:0', '127.0.0.1:99999', 'dns:///judge:1', 'unix:/tmp/x', 'a b:1']) {
    t.throws(() => requireAddress(address, { tls: true, insecure: true }), { message: /must be host:port/ }, address);
  }
});

const entry = (changes: Partial<ScorerEntry> = {}): ScorerEntry => ({
  scorer: 'judge',
  instance: 'one',
  address: '127.0.0.1:1',
  description: '',
  metadataSchemaJson: '',
  serves: true,
  ...changes,
});

t.test('a server that is silent is absent, one that cannot be reached rests, and its scorer stays known', async (t) => {
  let nowMs = 0;
  const opened: string[] = [];
  const open = (instance: string, address: string) => {
    opened.push(`${instance} ${address}`);
    return { scoreBatch: () => Promise.reject(new Error('not asked')), close: () => undefined };
  };
  const servers = new ScorerServers(open, () => nowMs);
  t.match(servers.whyAway('judge'), /registered by nobody now$/);
  servers.hear(entry());
  servers.hear(entry({ instance: 'two' }));
  servers.hear(entry());
  t.same(opened, ['one 127.0.0.1:1', 'two 127.0.0.1:1'], 'a renewal opens nothing');
  const [one, two] = servers.ready('judge');
  one!.inFlight = 1;
  t.equal(servers.ready('judge')[0], two, 'the least busy is asked first');
  servers.lost(one!);
  t.same(servers.ready('judge'), [two]);
  servers.lost(two!);
  t.match(servers.whyAway('judge'), /one at 127.0.0.1:1, two at 127.0.0.1:1 cannot be reached/);
  nowMs += 500;
  t.equal(servers.ready('judge').length, 2, 'after a rest it is tried again');
  servers.lost(two!);
  nowMs += 900;
  t.same(servers.ready('judge'), [one], 'a second failure in a row takes a longer rest');
  servers.hear(entry({ instance: 'two' }));
  t.equal(servers.ready('judge').length, 2, 'and ends when it says that it is there');
  nowMs += expiresAfterMs - 1;
  servers.hear(entry());
  nowMs += 2;
  t.same(servers.ready('judge'), [one], 'two has been silent for too long');
  servers.hear(entry({ serves: false }));
  t.match(servers.whyAway('judge'), /registered by nobody now \(one at 127.0.0.1:1 registered last 0 s ago; two/);
  t.ok(servers.scorers.has('judge'));
  servers.hear(entry({ address: '127.0.0.1:2', description: 'new' }));
  t.equal(servers.scorers.get('judge')?.description, 'new');
  t.equal(opened.at(-1), 'one 127.0.0.1:2');
});

t.test('a server that lets deadlines pass rests, and what has been silent for a day is forgotten', async (t) => {
  let nowMs = 0;
  const closed: string[] = [];
  const open = (instance: string) => ({
    scoreBatch: () => Promise.reject(new Error('not asked')),
    close: () => void closed.push(instance),
  });
  const servers = new ScorerServers(open, () => nowMs);
  servers.hear(entry());
  const [one] = servers.ready('judge');
  for (let i = 0; i < 2; i++) servers.unanswered(one!);
  servers.answered(one!);
  for (let i = 0; i < 2; i++) servers.unanswered(one!);
  t.equal(servers.whyAway('judge'), null, 'responses that hang it now and then leave it in place');
  servers.unanswered(one!);
  t.match(servers.whyAway('judge'), /cannot be reached/);

  servers.hear(entry({ scorer: 'critic', instance: 'two' }));
  t.equal(servers.countPresent(), 2);
  nowMs += expiresAfterMs + 1;
  servers.hear(entry({ instance: 'three' }));
  t.equal(servers.countPresent(), 1, 'those that are away take no place');
  nowMs = forgottenAfterMs;
  servers.forgetSilent();
  t.same(closed, [], 'not a moment too early');
  nowMs++;
  servers.forgetSilent();
  t.same(closed, ['one', 'two']);
  t.same([...servers.scorers.keys()], ['judge'], 'it has another server');
});

type Judging = Handlers<RewardApi>['scoreBatch'];

/** A server of somebody's own, which can die and come back at its address. */
class OwnServer {
  judging: Judging;
  port = 0;
  calls = 0;
  names = ['judge'];
  #server: Server | null = null;

  constructor(t: Test, judging: Judging) {
    this.judging = judging;
    t.teardown(() => this.die());
  }

  async start(): Promise<string> {
    const server = createServer();
    addService(server, rewardContract, {
      scoreBatch: (batch, context) => {
        this.calls++;
        return this.judging(batch, context);
      },
      listScorers: async () => ({
        scorers: this.names.map((name) => ({ name, description: 'half', metadataSchemaJson: '', servers: null })),
      }),
    });
    this.port = await listen(server, '127.0.0.1', this.port);
    this.#server = server;
    return `127.0.0.1:${this.port}`;
  }

  async die(): Promise<void> {
    if (this.#server) await stopServer(this.#server, 0);
    this.#server = null;
  }
}

const half: Judging = async ({ requests }) => ({
  scores: requests.map(({ id, scorer }) => ({ ...right, trajectoryId: id, scorer })),
});

/** The list of scorers over a bus that keeps nothing but what this process hears. */
function ownScorers(t: Test) {
  const nonsense: string[] = [];
  const told: ScorerEntry[] = [];
  const onNonsense = (kind: string) => void nonsense.push(kind);
  const servers = new ScorerServers((_, address) => connectReward(address));
  t.teardown(() => servers.close());
  const list = scorerListHandlers({
    bus: { putScorer: async (one) => void told.push(one) },
    servers,
    builtIn: { has: (name) => builtInScorers.get(name) !== undefined },
    open: ({ address }) => connectReward(address),
    addressRule: { tls: false, insecure: false },
    onNonsense,
  });
  const context = { signal: new AbortController().signal, peer: 'test', deadlineMs: null };
  return {
    scorers: new KnownScorers(builtInScorers, { servers, onNonsense }),
    nonsense,
    told,
    register: (address: string, instance = 'one') => list.registerScorers({ instance, address }, context),
    unregister: (instance = 'one') => list.unregisterScorers({ instance }, context),
  };
}

t.test('a server that registers is asked for its scorers, and refused for what is wrong with them', async (t) => {
  const own = ownScorers(t);
  const server = new OwnServer(t, half);
  const address = await server.start();
  t.match(await own.register(address), {
    scorers: [{ name: 'judge', description: 'half', servers: 1 }],
    expiresAfterMs,
  });
  t.match(await own.register(address, 'two'), { scorers: [{ servers: 2 }] });
  t.match(own.scorers.describe().slice(-2), [
    { name: 'expression', servers: null },
    { name: 'judge', servers: 2 },
  ]);
  const table: [string[], string, RegExp][] = [
    [[], 'INVALID_INPUT', /serves no scorer/],
    [['judge', 'judge'], 'INVALID_INPUT', /names a scorer twice/],
    [['Judge!'], 'INVALID_INPUT', /must be of \[a-z0-9-\], got "Judge!"/],
    [['judge', 'exact'], 'ALREADY_EXISTS', /exact is the name of a built-in scorer/],
    [Array.from({ length: 17 }, (_, i) => `judge-${i}`), 'INVALID_INPUT', /17 scorers, more than 16/],
  ];
  for (const [names, code, message] of table) {
    server.names = names;
    await t.rejects(own.register(address), { code, message });
  }
  t.same(own.nonsense, ['scorers', 'scorers', 'scorers', 'scorers']);
  server.names = ['critic'];
  await own.register(address);
  t.match(own.told.at(-1), { scorer: 'judge', instance: 'one', serves: false }, 'what it serves no more is told');
  t.same(await own.unregister(), { scorers: ['critic'] });
  t.same(await own.unregister(), { scorers: [] }, 'leaving twice is no error');
  t.match(own.scorers.describe().at(-1), { name: 'critic', servers: 0 }, 'known, and served by nobody');
  await server.die();
  await t.rejects(own.register(address), { code: 'UNAVAILABLE', message: /did not answer: .*cannot be reached/ });
});

t.test(
  'responses are judged by a server of somebody’s own as by a built-in scorer, and nonsense is no reward',
  async (t) => {
    const own = ownScorers(t);
    const { store, score } = await newWorld(t, { scorers: own.scorers });
    const server = new OwnServer(t, half);
    await own.register(await server.start());
    store.problems.push(problem('p1', { scorer: 'judge', metadata: { level: 3 } }));
    let seen: ScoreRequest | undefined;
    server.judging = async (batch, context) => {
      seen ??= batch.requests[0];
      return half(batch, context);
    };
    const ids = [store.add(0, 's;#42', 'p1'), store.add(1, 's;#41'), store.add(2, 's;#1', 'p1')];
    t.same([...(await score(ids)).entries()].sort(), [
      [ids[0], ['ok', 0.5]],
      [ids[1], ['wrong', 0]],
      [ids[2], ['ok', 0.5]],
    ]);
    t.match(seen, { scorer: 'judge', prompt: 's1:', answer: '42', metadata: { level: 3 } });

    const lies: [string, Judging][] = [
      ['missing', async () => ({ scores: [] })],
      [
        'reward',
        async ({ requests: [one] }) => ({ scores: [{ ...right, trajectoryId: one!.id, reward: Number.NaN }] }),
      ],
      ['id', async () => ({ scores: [right] })],
    ];
    for (const [i, [kind, judging]] of lies.entries()) {
      server.judging = judging;
      t.same([...(await score([store.add(10 + i, 's;#42', 'p1')])).values()], [['error', null]], kind);
      t.equal(own.nonsense.at(-1), kind);
    }
    const calls = server.calls;
    server.judging = () => Promise.reject(new SegueError('INVALID_INPUT', 'this problem is not for me'));
    t.same([...(await score([store.add(20, 's;#42', 'p1')])).values()], [['error', null]]);
    t.equal(server.calls, calls + 1, 'what is hopeless is asked once');
    t.equal(own.nonsense.length, 3, 'and is no nonsense');
  },
);

t.test('a response waits while its scorer is away, and fails when it stays away', async (t) => {
  const own = ownScorers(t);
  const { store, outcomes, score } = await newWorld(t, { scorers: own.scorers });
  const server = new OwnServer(t, half);
  const address = await server.start();
  await own.register(address);
  store.problems.push(problem('p1', { scorer: 'judge' }));
  await server.die();
  const scoring = score([store.add(0, 's;#42', 'p1'), store.add(1, 's;#42')]);
  while (outcomes.filter((outcome) => outcome === 'returned').length < 1) await new Promise(setImmediate);
  await server.start();
  t.same(
    [...(await scoring).values()].sort(),
    [
      ['ok', 0.5],
      ['ok', 1],
    ],
    'nothing is lost by a restart',
  );
  t.equal(own.nonsense.length, 0);

  const impatient = ownScorers(t);
  const gone = await newWorld(t, { scorers: impatient.scorers, patienceMs: 0 });
  gone.store.problems.push(problem('p1', { scorer: 'judge' }));
  await impatient.register(address);
  await impatient.unregister();
  t.same([...(await gone.score([gone.store.add(0, 's;#42', 'p1')])).values()], [['error', null]]);
});

t.test('a hanging server costs its response a timeout, the next server takes over from a dead one', async (t) => {
  const own = ownScorers(t);
  const hanging = new OwnServer(t, ({ requests }, { signal }) =>
    requests[0]?.id === 'hang'
      ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))))
      : half({ requests }, { signal, peer: '', deadlineMs: null }),
  );
  const spare = new OwnServer(t, half);
  const address = await hanging.start();
  await own.register(address);
  const service = createServer();
  const handlers = rewardHandlers({ scorers: own.scorers, pool: new Pool(4), rules: { ...rules, timeoutMs: 100 } });
  addService(service, rewardContract, handlers);
  const port = await listen(service, '127.0.0.1', 0);
  const client = connectReward(`127.0.0.1:${port}`);
  t.teardown(() => {
    client.close();
    return stopServer(service, 0);
  });
  const ask = async (...ids: string[]) =>
    (await client.scoreBatch({ requests: ids.map((id) => ({ ...request, id })) })).scores.map(({ status }) => status);
  t.same(await ask('a', 'hang', 'b'), ['ok', 'timeout', 'ok']);
  await own.register(await spare.start(), 'two');
  await hanging.die();
  t.same(await ask('a', 'b', 'c', 'd'), ['ok', 'ok', 'ok', 'ok']);
  t.ok(spare.calls > 0);
});
