/**
 * What the client does beyond a call: batches that are sent again, generating across the death of an actor, taking weights out, serving scorers of one's own. Over real
 * gRPC servers of a few lines.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web';
import {
  actorContract,
  addService,
  connectReward,
  createServer,
  type Handlers,
  listen,
  stopServer,
  trainerContract,
} from '@segue/bus';
import {
  type ActorApi,
  type ClusterStatus,
  formatPolicyManifest,
  type ProblemInput,
  type ScorerServer,
  SegueError,
  type TrainerApi,
} from '@segue/core';
import t, { type Test } from 'tap';
import { serveScorers } from '../dist/index.js';
import { startController, unserved } from './support/controller.js';

const problem: ProblemInput = {
  id: null,
  purpose: 'train',
  prompt: '1 + 1 =',
  answer: '2',
  scorer: 'exact',
  difficulty: null,
  tags: [],
  metadata: {},
  response: null,
};

t.test('a batch is sent again after a lost call and after the time that a busy controller asks for', async (t) => {
  const failures = [
    new SegueError('RESOURCE_EXHAUSTED', 'busy', undefined, 30),
    new SegueError('UNAVAILABLE', 'stopping'),
  ];
  const got: { batchId: string; count: number; atMs: number }[] = [];
  const { client } = await startController(t, {
    submitProblems: async ({ batchId }, items) => {
      let count = 0;
      for await (const _ of items) count++;
      got.push({ batchId, count, atMs: performance.now() });
      const failure = failures.shift();
      if (failure) throw failure;
      return { batchId, accepted: count, repeated: false };
    },
  });
  t.same(await client.submitProblems('r', 'b', [problem, problem]), { accepted: 2, repeated: false, batchId: 'b' });
  t.match(got, [
    { batchId: 'b', count: 2 },
    { batchId: 'b', count: 2 },
    { batchId: 'b', count: 2 },
  ]);
  t.ok(got[1]!.atMs - got[0]!.atMs >= 30, 'not before the time that was asked for');

  async function* once() {
    yield problem;
  }
  failures.push(new SegueError('UNAVAILABLE', 'stopping'));
  await t.rejects(client.submitProblems('r', 'b', once()), { code: 'UNAVAILABLE' }, 'what was read is not read again');
  const fill = (queue: ReadableStreamDefaultController<ProblemInput>) => {
    queue.enqueue(problem);
    queue.close();
  };
  for (const stream of [Readable.from([problem]), new ReadableStream({ start: fill })]) {
    failures.push(new SegueError('UNAVAILABLE', 'stopping'));
    const before = got.length;
    await t.rejects(client.submitProblems('r', 'b', stream), { code: 'UNAVAILABLE' }, 'nor is a stream');
    t.equal(got.length, before + 1);
  }
  failures.push(new SegueError('UNAVAILABLE', 'stopping'));
  t.match(await client.submitProblems('r', 'b', once), { accepted: 1 }, 'a function is called for every try');
  failures.push(new SegueError('INVALID_INPUT', 'problem 1: prompt is empty'));
  const calls = got.length;
  await t.rejects(client.submitProblems('r', 'b', [problem]), { code: 'INVALID_INPUT' });
  t.equal(got.length, calls + 1, 'a refusal is final');
  failures.push(new SegueError('RESOURCE_EXHAUSTED', 'busy', undefined, 60_000));
  await t.rejects(
    client.submitProblems('r', 'b', [problem], { patienceMs: 30_000 }),
    { code: 'RESOURCE_EXHAUSTED' },
    'longer than the patience',
  );
});

t.test('a batch may wait for others as long as its patience', async (t) => {
  const deadlines: (number | null)[] = [];
  const { client } = await startController(t, {
    submitProblems: async ({ batchId }, _items, { deadlineMs }) => {
      deadlines.push(deadlineMs);
      return { batchId, accepted: 1, repeated: false };
    },
  });
  await client.submitProblems('r', 'b', [problem]);
  await client.submitProblems('r', 'b', [problem], { patienceMs: 3_600_000 });
  t.ok(Number(deadlines[0]) > 180_000 && Number(deadlines[0]) <= 300_000, `${deadlines[0]} ms`);
  t.ok(Number(deadlines[1]) > 3_000_000, `${deadlines[1]} ms`);
});

async function serve<Api extends 'actor' | 'trainer'>(
  t: Test,
  handlers: Api extends 'actor' ? Pick<Handlers<ActorApi>, 'generate'> : Pick<Handlers<TrainerApi>, 'downloadPolicy'>,
): Promise<{ address: string; die: () => Promise<void> }> {
  const server = createServer();
  const stopping = new AbortController();
  const contract = 'generate' in handlers ? actorContract : trainerContract;
  const none = Object.fromEntries(Object.keys(contract.methods).map((name) => [name, unserved]));
  if ('generate' in handlers)
    addService(server, actorContract, { ...none, ...handlers } as Handlers<ActorApi>, stopping);
  else addService(server, trainerContract, { ...none, ...handlers } as Handlers<TrainerApi>, stopping);
  const address = `127.0.0.1:${await listen(server, '127.0.0.1', 0)}`;
  const die = async () => {
    stopping.abort();
    await stopServer(server, 0);
  };
  t.teardown(die);
  return { address, die };
}

const status: ClusterStatus = {
  runId: 'r',
  iteration: 1,
  phase: 'rollout',
  phaseSinceMs: 0,
  waiting: [],
  actors: [],
  services: [],
  faults: {},
  queues: [],
  runsRetired: 0,
};
const actorAt = (address: string, free: number, policyVersion: number) => ({
  actorId: address,
  address,
  running: 8 - free,
  slots: 8,
  policyVersion,
  seenAtMs: 0,
});

t.test('what an actor has not answered when it dies goes to another one', async (t) => {
  const asked: Record<string, string[]> = { dying: [], spare: [], older: [] };
  const answer = (name: string, limit: number): Handlers<ActorApi>['generate'] =>
    async function* ({ prompts, policyVersion, seed }) {
      asked[name]?.push(...prompts.map(({ id }) => id));
      for (const { id, text } of prompts.slice(0, limit)) {
        const tokens = Int32Array.of(seed);
        yield { id, tokens, logProbs: Float32Array.of(0), endReason: 'stop', policyVersion: policyVersion ?? 9, text };
      }
      if (prompts.length > limit) throw new SegueError('UNAVAILABLE', 'stopping');
    };
  const dying = await serve<'actor'>(t, { generate: answer('dying', 1) });
  const spare = await serve<'actor'>(t, { generate: answer('spare', 9) });
  const older = await serve<'actor'>(t, { generate: answer('older', 9) });
  let actors = [actorAt(dying.address, 8, 4), actorAt(spare.address, 1, 4), actorAt(older.address, 8, 3)];
  const { client } = await startController(t, {
    getClusterStatus: async () => ({ ...status, actors }),
    getRun: async () => run,
  });
  const results = new Map<string, string>();
  for await (const { id, text, policyVersion, tokens } of client.generate(
    { a: '1+1=', b: '2+2=', c: '3+3=' },
    { runId: 'r', seed: 7 },
  )) {
    results.set(id, text);
    t.equal(policyVersion, 4, 'the version is pinned for all');
    t.equal(tokens[0], 7);
    actors = actors.filter(({ address }) => address !== dying.address);
  }
  t.same([...results].sort(), [
    ['a', '1+1='],
    ['b', '2+2='],
    ['c', '3+3='],
  ]);
  t.same(asked, { dying: ['a', 'b', 'c'], spare: ['b', 'c'], older: [] });
  actors = [];
  const none = async () => {
    for await (const _ of client.generate({ a: 'x' }, { runId: 'r', patienceMs: -1 }));
  };
  await t.rejects(none(), { code: 'UNAVAILABLE', message: /no actor is registered/ });
});

t.test('prompts that take longer than a call are asked for in the next, while each brings something', async (t) => {
  const asked: string[][] = [];
  const actor = await serve<'actor'>(t, {
    async *generate({ prompts }) {
      asked.push(prompts.map(({ id }) => id));
      const [first] = prompts;
      const tokens = { tokens: Int32Array.of(1), logProbs: Float32Array.of(0) };
      if (first && first.id !== 'd')
        yield { id: first.id, ...tokens, endReason: 'stop', policyVersion: 4, text: first.text };
      throw new SegueError('DEADLINE_EXCEEDED', 'a quarter of an hour is over');
    },
  });
  const { client } = await startController(t, {
    getClusterStatus: async () => ({ ...status, actors: [actorAt(actor.address, 8, 4)] }),
    getRun: async () => run,
  });
  const ids = async (prompts: Readonly<Record<string, string>>) => {
    const got: string[] = [];
    for await (const { id } of client.generate(prompts, { runId: 'r' })) got.push(id);
    return got;
  };
  t.strictSame(await ids({ a: 'x', b: 'y', c: 'z' }), ['a', 'b', 'c']);
  t.strictSame(asked, [['a', 'b', 'c'], ['b', 'c'], ['c']]);
  await t.rejects(ids({ d: 'x' }), { code: 'DEADLINE_EXCEEDED' }, 'one that brings nothing is the last');
  t.equal(asked.length, 4);
});

const run = {
  id: 'r',
  state: 'running' as const,
  configJson: '{}',
  iterations: 3,
  policyVersion: 4,
  createdAtMs: 1,
  error: '',
  trainProblems: 1,
  evaluationProblems: 0,
  warmupProblems: 0,
};

t.test('weights come out as they were written, or not at all', async (t) => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  const weights = 'w'.repeat(3_000);
  const files = { 'model.safetensors': weights, 'config.json': '{}' };
  const manifest = formatPolicyManifest({
    formatVersion: 1,
    runId: 'r',
    version: 4,
    parent: 3,
    origin: 'trained',
    inputHash: sha256(''),
    metrics: {},
    files: Object.entries(files).map(([name, text]) => ({ name, bytes: text.length, sha256: sha256(text) })),
  });
  let sent: Record<string, string> = { 'manifest.json': manifest, ...files };
  /** Chunks after which a call runs out of time. */
  let chunksPerCall = 2;
  const begunAt: string[] = [];
  const trainer = await serve<'trainer'>(t, {
    async *downloadPolicy({ from }) {
      begunAt.push(from === null ? 'the beginning' : `${from.file} ${from.offset}`);
      const names = Object.keys(sent);
      let left = chunksPerCall;
      for (const file of names.slice(from === null ? 0 : names.indexOf(from.file))) {
        const text = sent[file] ?? '';
        for (let offset = file === from?.file ? from.offset : 0; offset < text.length; offset += 1_000) {
          if (left-- === 0) throw new SegueError('DEADLINE_EXCEEDED', 'five minutes are over');
          const data = Buffer.from(text.slice(offset, offset + 1_000));
          yield { file, offset, fileBytes: text.length, data, sha256: new Uint8Array(0) };
        }
      }
    },
  });
  const services = [{ service: 'trainer', id: 'trainer', address: trainer.address, trouble: '' }];
  const { client } = await startController(t, {
    getClusterStatus: async () => ({ ...status, services }),
    getRun: async () => run,
  });
  const folder = mkdtempSync(join(tmpdir(), 'segue-export-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, 'policy');
  let last: readonly number[] = [];
  const told = await client.exportPolicy('r', out, {
    onProgress: (...progress) => {
      last = progress;
    },
  });
  t.match(told, { version: 4, origin: 'trained' });
  t.equal(readFileSync(join(out, 'model.safetensors'), 'utf8'), weights);
  t.equal(last[0], last[1], 'progress ends at the whole');
  const first = begunAt.splice(0);
  t.strictSame(first.slice(0, 2), ['the beginning', `model.safetensors 1000`], 'it goes on where a call ended');
  t.equal(first.length, 3);
  chunksPerCall = 0;
  await t.rejects(client.exportPolicy('r', join(folder, 'none')), { code: 'DEADLINE_EXCEEDED' });
  t.strictSame(begunAt, Array(4).fill('the beginning'), 'not for ever');
  chunksPerCall = 9;
  await t.rejects(client.exportPolicy('r', out), { code: 'ALREADY_EXISTS', message: /holds 3 files already/ });

  const notes = join(folder, 'notes.txt');
  writeFileSync(notes, 'mine');
  await t.rejects(client.exportPolicy('r', notes), { code: 'ALREADY_EXISTS', message: /is no folder/ });
  await t.rejects(client.exportPolicy('r', join(notes, 'policy')), { message: /ENOTDIR/ });
  t.equal(readFileSync(notes, 'utf8'), 'mine', 'a file of somebody else stays');
  const empty = mkdtempSync(join(folder, 'empty-'));
  await client.exportPolicy('r', `${empty}/`);
  t.equal(readFileSync(join(empty, 'model.safetensors'), 'utf8'), weights, 'an empty folder is taken');

  const wrong: [Record<string, string>, RegExp][] = [
    [{ ...sent, 'model.safetensors': `x${weights.slice(1)}` }, /model.safetensors of version 4 came damaged/],
    [{ 'manifest.json': manifest, 'config.json': '{}' }, /model.safetensors of version 4 came damaged/],
    [{ '../evil': 'x' }, /a file called "..\/evil"/],
  ];
  for (const [files, message] of wrong) {
    sent = files;
    await t.rejects(client.exportPolicy('r', join(folder, 'bad')), { code: 'DATA_LOSS', message });
    t.notOk(existsSync(join(folder, 'bad')), 'nothing half stands there');
    t.strictSame(
      readdirSync(folder).filter((name) => name.includes('.part')),
      [],
    );
  }
});

t.test('scorers of one’s own are served, registered, renewed and taken back', async (t) => {
  const registered: ScorerServer[] = [];
  const left: string[] = [];
  let failures = 0;
  const { client } = await startController(t, {
    registerScorers: async (server) => {
      registered.push(server);
      if (failures-- > 0) throw new SegueError('FAILED_PRECONDITION', 'not now');
      return { scorers: [], expiresAfterMs: 30 };
    },
    unregisterScorers: async ({ instance }) => {
      left.push(instance);
      return { scorers: ['length'] };
    },
  });
  const troubles: string[] = [];
  const length = {
    name: 'length',
    description: 'the longer the better',
    metadataSchema: { type: 'object' },
    score: ({ response }: { response: string }) => {
      if (response === 'bad') throw new Error('no word for this');
      return { reward: response.length / 10, detail: `${response.length} characters` };
    },
  };
  failures = 0;
  const server = await serveScorers(client, [length], {
    instance: 'me',
    onTrouble: (error) => troubles.push(error.rawMessage),
  });
  t.same(registered, [{ instance: 'me', address: server.address }]);
  failures = 1;
  while (registered.length < 4) await new Promise(setImmediate);
  t.same(troubles, ['not now'], 'a renewal that fails is tried again');
  const reward = connectReward(server.address);
  const requests = ['xxxxx', '', 'bad'].map((response, i) => ({
    id: `r${i}`,
    scorer: 'length',
    prompt: '',
    response,
    answer: '',
    metadata: {},
  }));
  const { scores } = await reward.scoreBatch({ requests: [...requests, { ...requests[0]!, scorer: 'other' }] });
  t.match(scores, [
    { trajectoryId: 'r0', status: 'ok', reward: 0.5, detail: '5 characters' },
    { trajectoryId: 'r1', status: 'wrong', reward: 0 },
    { trajectoryId: 'r2', status: 'error', reward: null, detail: 'no word for this' },
    { trajectoryId: 'r0', status: 'error', reward: null, detail: 'this server has no scorer other' },
  ]);
  t.match(await reward.listScorers({}), {
    scorers: [{ name: 'length', metadataSchemaJson: '{"type":"object"}', servers: null }],
  });
  reward.close();
  await server.close();
  t.same(left, ['me']);
  await t.rejects(
    serveScorers(client, [length], { instance: 'me', host: '0.0.0.0' }),
    { code: 'INVALID_CONFIG', message: /is not loopback/ },
    'not open to the world by chance',
  );
});
