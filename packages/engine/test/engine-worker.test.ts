// WorkerEngine: the same engine behind a thread.
import { SegueError } from '@segue/core';
import t from 'tap';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { WorkerEngine } from '../dist/generate/worker-engine.js';
import { generate, prompt, request, writeTinyPolicy } from './tiny-policy.js';

const folder = await writeTinyPolicy(t.testdir());

async function started(slots = 4): Promise<WorkerEngine> {
  const engine = new WorkerEngine({ slots, chunkTokens: 8 });
  t.teardown(() => engine.stop());
  await engine.start();
  await engine.loadVersion({ version: 5, folder });
  return engine;
}

t.test('a thread generates what the engine generates in place', async (t) => {
  const requests = [request('w-g0-t0'), request('w-g0-t1', { responseTokens: prompt(3, 4) })];
  const local = new LocalEngine({ slots: 4, chunkTokens: 8 });
  await local.loadVersion({ version: 5, folder });
  const expected = await generate(local, requests);
  await local.stop();
  const engine = await started();
  t.equal(engine.slots, 4);
  t.match(await engine.status(), { policyVersion: 5, running: 0, slots: 4 });
  const results = await generate(engine, requests);
  for (const [id, { tokens, logProbs, endReason }] of expected) {
    const result = results.get(id);
    t.same([result?.tokens, result?.logProbs, result?.endReason], [tokens, logProbs, endReason], id);
  }
  t.equal(requests[1]!.responseTokens.length, 4, "the caller's arrays stay its own");
});

t.test('the thread that owns the engine goes on while a chunk runs', async (t) => {
  const engine = await started();
  await engine.admit([request('w-g0-t0', { stopTokens: [] })]);
  let turns = 0;
  let done = false;
  const turn = () => {
    turns++;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  await engine.generateChunk();
  done = true;
  t.ok(turns > 2, `${turns} turns of the event loop`);
});

t.test('errors cross the thread with their code', async (t) => {
  const engine = await started(1);
  await t.rejects(engine.admit([request('w', { promptTokens: Int32Array.of(99) })]), {
    code: 'INVALID_INPUT',
    message: /promptTokens\[0\] is 99/,
  });
  await t.rejects(engine.admit(['w0', 'w1', 'w2'].map((id) => request(id))), { code: 'RESOURCE_EXHAUSTED' });
  await t.rejects(engine.loadVersion({ version: 6, folder: `${folder}/none` }), SegueError);
  t.match(await engine.status(), { policyVersion: 5, running: 0 }, 'and the engine lives on');
});

t.test('stop waits for the calls before it, then ends the thread', async (t) => {
  const engine = await started();
  await engine.admit([request('w-g0-t0', { stopTokens: [] })]);
  t.equal((await engine.generateChunk()).tokens, 8);
  const cut = engine.cut();
  const stopped = engine.stop();
  t.equal(engine.stop(), stopped, 'stopping twice is stopping once');
  t.same(
    (await cut).map(({ tokens, endReason }) => [tokens.length, endReason]),
    [[8, 'yield']],
  );
  await stopped;
  await t.rejects(engine.generateChunk(), { code: 'FAILED_PRECONDITION', message: /stopped/ });
  await t.rejects(engine.start(), { code: 'FAILED_PRECONDITION' });
});

t.test('a stop beside a chunk in flight loses nothing that was generated', async (t) => {
  const local = new LocalEngine({ slots: 4, chunkTokens: 8 });
  await local.loadVersion({ version: 5, folder });
  for (const engine of [local, await started()]) {
    await engine.admit([request('w-g0-t0', { stopTokens: [] })]);
    const chunk = engine.generateChunk().catch(() => null);
    // In place it has begun after two turns; behind a thread nobody can say whether it has, runs, or has ended.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
    const cut = engine.cut();
    const stopped = engine.stop();
    const [report, [saved]] = await Promise.all([chunk, cut, stopped]);
    if (engine === local) t.equal(report?.tokens, 8, 'it had begun, and is waited for');
    t.match(saved, { endReason: 'yield', tokens: { length: report?.tokens ?? 0 } });
    await t.rejects(engine.admit([]), { code: 'FAILED_PRECONDITION', message: /stopped/ });
  }
});

t.test('chunks called ahead are answered in turn, to the last token', async (t) => {
  const engine = await started();
  await engine.admit([request('w-g0-t0', { stopTokens: [] })]);
  const reports = await Promise.all(Array.from({ length: 5 }, () => engine.generateChunk()));
  t.same(
    reports.map(({ ids, tokens }) => [ids.length, tokens]),
    [
      [1, 8],
      [1, 8],
      [1, 8],
      [1, 6],
      [0, 0],
    ],
    'one too many finds nothing to run',
  );
});

t.test('calls before start are refused', async (t) => {
  const engine = new WorkerEngine({ slots: 1 });
  await t.rejects(engine.status(), { code: 'FAILED_PRECONDITION' });
  await engine.stop();
  t.throws(() => new WorkerEngine({ slots: 1, chunkTokens: 0 }), { code: 'INVALID_CONFIG' });
});

t.test('a thread that dies fails every waiting and later call', async (t) => {
  const entry = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
  const quits = new WorkerEngine(
    { slots: 1 },
    entry("import { parentPort } from 'node:worker_threads'; parentPort.once('message', () => process.exit(3));"),
  );
  await t.rejects(quits.start(), { code: 'UNAVAILABLE', message: /exit code 3/ });
  await t.rejects(quits.generateChunk(), { code: 'UNAVAILABLE' });
  await quits.stop();
  const throws = new WorkerEngine({ slots: 1 }, entry("throw new Error('no runtime here');"));
  await t.rejects(throws.start(), { code: 'UNAVAILABLE', message: /no runtime here/ });
  await throws.stop();
});
