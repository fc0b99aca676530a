// The waiting room of the engine and calls made ahead: who gets a slot, who passes whom. The engine runs in place, so that the order of the calls is
// known; behind a thread the same engine runs (engine-worker.test.ts).
import t from 'tap';
import { CallQueue } from '../dist/generate/call-queue.js';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { generate, request, writeTinyPolicy } from './tiny-policy.js';

const folder = await writeTinyPolicy(t.testdir());

async function started(slots: number, waitingRoom: number): Promise<LocalEngine> {
  const engine = new LocalEngine({ slots, waitingRoom, chunkTokens: 4 });
  t.teardown(() => engine.stop());
  await engine.loadVersion({ version: 1, folder });
  return engine;
}

/** Ends after `budgetTokens` tokens. */
const lasting = (id: string, budgetTokens: number) => request(id, { budgetTokens, stopTokens: [] });

t.test('sequences that wait take slots as these become free, in the order they came', async (t) => {
  const engine = await started(2, 3);
  await engine.admit([lasting('a', 4), lasting('b', 8), lasting('c', 4), lasting('d', 4)]);
  t.equal((await engine.status()).running, 2);
  const reports = [];
  for (let i = 0; i < 3; i++) reports.push(await engine.generateChunk());
  t.same(
    reports.map(({ ids, finished, running }) => [ids.join(' '), finished.map(({ id }) => id).join(' '), running]),
    [
      ['a b', 'a', 2],
      ['b c', 'b c', 1],
      ['d', 'd', 0],
    ],
  );
  t.match(await engine.generateChunk(), { ids: [], steps: 0 });
});

t.test(
  'a sequence that passes goes before those that wait and have not begun, behind those that passed before it',
  async (t) => {
    const engine = await started(1, 4);
    await engine.admit([lasting('a', 8), lasting('b', 4)]);
    await engine.admit([{ ...lasting('e', 4), passesWaiting: true }, lasting('c', 4)]);
    await engine.admit([{ ...lasting('f', 4), passesWaiting: true }]);
    const ran: string[] = [];
    for (let i = 0; i < 6; i++) ran.push((await engine.generateChunk()).ids.join());
    t.same(ran, ['a', 'a', 'e', 'f', 'b', 'c'], 'what runs is not cut');
  },
);

t.test('a sequence that waited gets the tokens that it gets alone', async (t) => {
  const requests = ['a', 'b', 'c', 'd'].map((id, i) => request(id, { promptKey: `p${i}` }));
  const crowded = await generate(await started(1, 3), requests);
  const alone = await started(1, 0);
  for (const one of requests) {
    const expected = (await generate(alone, [one])).get(one.id);
    t.same([...crowded.get(one.id)!.tokens], [...expected!.tokens], one.id);
  }
});

t.test('what waits is cut without a token, and its prompt is let go', async (t) => {
  const engine = await started(1, 2);
  await engine.admit([lasting('a', 30), lasting('b', 30), lasting('c', 30)]);
  await engine.generateChunk();
  const shapes = (await engine.cut(['a', 'c'])).map((r) => [r.id, r.tokens.length, r.endReason, r.promptTokens]);
  t.same(shapes, [
    ['a', 4, 'yield', 9],
    ['c', 0, 'yield', 0],
  ]);
  t.same((await engine.generateChunk()).ids, ['b'], 'who is left has the slot');
  await t.rejects(engine.loadVersion({ version: 2, folder }), { code: 'FAILED_PRECONDITION', message: /1 sequences/ });
  await engine.cut();
  await engine.loadVersion({ version: 2, folder });
});

t.test('past slots and waiting room nothing is admitted, nor is an id twice', async (t) => {
  const engine = await started(1, 1);
  await t.rejects(engine.admit(['a', 'b', 'c'].map((id) => request(id))), {
    code: 'RESOURCE_EXHAUSTED',
    message: /1 slots and room for 1 that wait/,
  });
  await engine.admit([request('a')]);
  await engine.admit([request('b')]);
  await t.rejects(engine.admit([request('c')]), { code: 'RESOURCE_EXHAUSTED', message: /the 2 that run or wait/ });
  await engine.cut(['a']);
  await t.rejects(engine.admit([request('b')]), { code: 'INVALID_INPUT', message: /runs already/ });
});

t.test('a chunk that has not begun lets cuts and joiners pass', async (t) => {
  const engine = await started(2, 0);
  await engine.admit([lasting('a', 30)]);
  const chunks = [engine.generateChunk(), engine.generateChunk()];
  t.same((await chunks[0])?.ids, ['a']);
  const joined = engine.admit([lasting('b', 30)]);
  const cut = engine.cut(['a']);
  await joined;
  t.equal((await cut)[0]?.tokens.length, 4, 'one chunk, though two had been called');
  t.same((await chunks[1])?.ids, ['b']);
});

t.test('calls are performed one after the other, and an error ends its own alone', async (t) => {
  const queue = new CallQueue();
  const log: string[] = [];
  const call = (name: string, letsPass = false, error?: Error) =>
    queue.perform(async () => {
      log.push(name);
      await new Promise((resolve) => setImmediate(resolve));
      if (error) throw error;
      log.push(`${name} done`);
      return name;
    }, letsPass);
  const calls = [call('chunk 1', true), call('chunk 2', true), call('cut'), call('load', false, new Error('no file'))];
  t.match(await Promise.allSettled(calls), [
    { value: 'chunk 1' },
    { value: 'chunk 2' },
    { value: 'cut' },
    { reason: { message: 'no file' } },
  ]);
  t.same(log, ['cut', 'cut done', 'load', 'chunk 1', 'chunk 1 done', 'chunk 2', 'chunk 2 done']);
  t.equal(await call('later'), 'later', 'an idle queue begins again');
});
