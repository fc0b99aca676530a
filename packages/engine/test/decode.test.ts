// The decode and prefill graphs through LocalEngine: what is generated, under which log-probs, and when it ends.
import { RepeatDetector, SegueError, type SequenceRequest, type SequenceResult } from '@segue/core';
import t from 'tap';
import { LocalEngine } from '../dist/generate/local-engine.js';
import { weightsFirstPays } from '../dist/generate/weights-first.js';
import { TrainingEngine } from '../dist/train/training-engine.js';
import { generate, prompt, request, tinyConfig, tinyParameters, writeTinyPolicy } from './tiny-policy.js';

const folder = await writeTinyPolicy(t.testdir());
// What the trainer computes log-probs with.
const trainer = new TrainingEngine(tinyConfig, tinyParameters(1), { threads: 1 });
t.teardown(() => trainer.dispose());

/** Log-probs of the last `count` tokens of each sequence, by the trainer's graph over whole sequences. */
async function fullLogProbs(sequences: Int32Array[], count: number, temperature = 1): Promise<number[][]> {
  const rows = sequences.map((tokens) => ({
    tokens,
    mask: Uint8Array.from(tokens, (_, i) => (i >= tokens.length - count ? 1 : 0)),
  }));
  const { logProbs } = await trainer.logProbs(rows, { temperature });
  return logProbs.map((values) => [...values.slice(-count)]);
}

function join(...parts: Int32Array[]): Int32Array {
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

async function engineWith(options: Partial<ConstructorParameters<typeof LocalEngine>[0]> = {}): Promise<LocalEngine> {
  const engine = new LocalEngine({ slots: 8, ...options });
  t.teardown(() => engine.stop());
  await engine.start();
  await engine.loadVersion({ version: 1, folder });
  return engine;
}

/** Sequences that differ in everything a batch may mix. */
function mixedRequests(): SequenceRequest[] {
  const other = { promptKey: 'p1', promptTokens: prompt(1, 17) };
  const sampling = (temperature: number, topK = 0, topP = 1) => ({ temperature, topK, topP });
  return [
    request('a-g0-t0'),
    request('a-g0-t1', { sampling: sampling(0.7), stopTokens: [] }),
    request('a-g0-t2', { responseTokens: prompt(4, 11), stopTokens: [3, 5, 0] }),
    request('a-g1-t0', { ...other, stopTokens: [], budgetTokens: 50 }),
    request('a-g1-t1', { ...other, sampling: sampling(0), budgetTokens: 21 }),
    request('a-g2-t0', { promptKey: 'p2', promptTokens: prompt(2, 1), stopTokens: [] }),
    request('a-g2-t1', { promptKey: 'p2', promptTokens: prompt(2, 1), sampling: sampling(1, 5), stopTokens: [] }),
    request('a-g1-t2', { ...other, sampling: sampling(1.3, 0, 0.6), responseTokens: prompt(5, 1) }),
  ];
}

function requireResult(results: Map<string, SequenceResult>, id: string): SequenceResult {
  const result = results.get(id);
  if (!result) throw new Error(`no result for ${id}`);
  return result;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(0, ...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

t.test('log-probs of the decode loop are those of the full-sequence graph', async (t) => {
  const ways = (['never', 'always'] as const).flatMap((sharePrompts) =>
    (['never', 'always'] as const).map((weightsFirst) => ({ sharePrompts, weightsFirst })),
  );
  for (const way of ways) {
    const requests = mixedRequests();
    const results = await generate(await engineWith({ ...way, chunkTokens: 7 }), requests);
    for (const { id, promptTokens, responseTokens, sampling } of requests) {
      const result = requireResult(results, id);
      const whole = join(promptTokens, responseTokens, result.tokens);
      const [expected] = await fullLogProbs([whole], result.tokens.length, sampling.temperature || 1);
      const difference = largestDifference(result.logProbs, expected!);
      t.ok(result.tokens.length > 0 && difference <= 1e-5, `${id}, ${JSON.stringify(way)}: ${difference}`);
    }
  }
});

t.test('weights go first where they come from main memory and the batch is neither small nor large', (t) => {
  const [small, large] = [820_000, 25_700_000];
  t.same(
    [8, 32, 64, 128].map((rows) => weightsFirstPays(rows, large, 'cpu')),
    [false, true, true, false],
  );
  t.notOk(weightsFirstPays(32, small, 'cpu'), 'weights that the caches hold');
  t.notOk(weightsFirstPays(32, large, 'cuda'), 'another device');
  t.end();
});

t.test('greedy decoding takes the most likely token of the full forward', async (t) => {
  const greedy = request('g', { sampling: { temperature: 0, topK: 0, topP: 1 }, stopTokens: [] });
  const { tokens } = requireResult(await generate(await engineWith(), [greedy]), 'g');
  const whole = join(greedy.promptTokens, tokens);
  const vocabulary = Array.from({ length: tinyConfig.vocabularySize }, (_, token) => token);
  const likeliest: number[] = [];
  for (let length = greedy.promptTokens.length; length < whole.length; length++) {
    const candidates = vocabulary.map((token) => join(whole.subarray(0, length), Int32Array.of(token)));
    const scores = (await fullLogProbs(candidates, 1)).flat();
    likeliest.push(scores.indexOf(Math.max(...scores)));
  }
  t.same([...tokens], likeliest);
  t.equal(tokens.length, 30);
});

t.test(
  'a segment generated again under the same weights gives the same tokens, whatever the batch around it',
  async (t) => {
    const requests = mixedRequests();
    const engine = await engineWith();
    const together = await generate(engine, requests);
    const compare = (name: string, results: Map<string, SequenceResult>) => {
      const differing = [...results].filter(([id, { tokens, logProbs, endReason }]) => {
        const expected = requireResult(together, id);
        const same = endReason === expected.endReason && tokens.join() === expected.tokens.join();
        // Where a chunk ends, sums are taken in another order: a few units in the last place of these weights' log-probs.
        return !same || largestDifference(logProbs, expected.logProbs) > 1e-5;
      });
      t.ok(results.size > 0, `${name}: something was generated`);
      t.same(
        differing.map(([id]) => id),
        [],
        name,
      );
    };
    for (const one of requests) compare('alone', await generate(engine, [one]));
    compare('in another order', await generate(engine, [...requests].reverse()));
    for (const chunkTokens of [1, 5, 64]) {
      compare(`chunks of ${chunkTokens}`, await generate(await engineWith({ chunkTokens }), requests));
    }
    compare('shared prompts', await generate(await engineWith({ sharePrompts: 'always' }), requests));
    compare('prefilled in windows', await generate(await engineWith({ prefillTokens: 4 }), requests));
    const late = await engineWith({ chunkTokens: 3 });
    await late.admit([requests[3]!]);
    await late.generateChunk();
    await late.admit(requests.filter((_, i) => i !== 3));
    compare('joined later', await generate(late));
  },
);

t.test('a trajectory resumed after its budget goes on with the tokens it would have had', async (t) => {
  for (const sharePrompts of ['never', 'always'] as const) {
    const engine = await engineWith({ sharePrompts });
    const whole = { stopTokens: [], budgetTokens: 40, capTokens: 40 };
    const expected = requireResult(await generate(engine, [request('a-g0-t0', whole)]), 'a-g0-t0');
    let response: Int32Array = new Int32Array();
    const logProbs: number[] = [];
    const ends: string[] = [];
    for (const budgetTokens of [1, 13, 8, 40]) {
      const next = request('a-g0-t0', { ...whole, budgetTokens, responseTokens: response });
      const sibling = request('a-g0-t1', { stopTokens: [], budgetTokens: 5 });
      const result = requireResult(await generate(engine, [sibling, next]), 'a-g0-t0');
      t.equal(result.reprefillTokens, response.length, 'earlier tokens are metered as re-prefilled');
      response = join(response, result.tokens);
      logProbs.push(...result.logProbs);
      ends.push(result.endReason);
    }
    t.same([...response], [...expected.tokens]);
    t.ok(largestDifference(logProbs, expected.logProbs) <= 1e-5);
    t.same(ends, ['budget', 'budget', 'budget', 'length']);
  }
});

t.test('budget and cap are exact per token inside a chunk', async (t) => {
  const engine = await engineWith({ chunkTokens: 32 });
  const limits = [1, 2, 7, 31, 32, 33, 40];
  const results = await generate(
    engine,
    limits.map((budgetTokens, i) => request(`b-g${i}-t0`, { stopTokens: [], budgetTokens })),
  );
  limits.forEach((limit, i) => {
    const { tokens, endReason } = requireResult(results, `b-g${i}-t0`);
    t.same([tokens.length, endReason], [limit, 'budget']);
  });
  const capped = request('b-g9-t0', { stopTokens: [], responseTokens: prompt(3, 6), capTokens: 10 });
  const { tokens, endReason } = requireResult(await generate(engine, [capped]), 'b-g9-t0');
  t.same([tokens.length, endReason], [4, 'length']);
});

t.test('a sequence that fills the context ends at its cap while its neighbours go on', async (t) => {
  const engine = await engineWith({ chunkTokens: 32 });
  const full = request('f-g0-t0', { stopTokens: [], responseTokens: prompt(3, 80), capTokens: 96 - 9 });
  const beside = request('f-g1-t0', { stopTokens: [] });
  const results = await generate(engine, [full, beside]);
  t.same([...results.values()].map(({ id, tokens, endReason }) => [id, tokens.length, endReason]).sort(), [
    ['f-g0-t0', 7, 'length'],
    ['f-g1-t0', 30, 'budget'],
  ]);
  const alone = requireResult(await generate(engine, [full]), 'f-g0-t0');
  t.same([...requireResult(results, 'f-g0-t0').tokens], [...alone.tokens]);
});

t.test('stop tokens end a sequence, are kept, and end the loop early when all rows are done', async (t) => {
  const engine = await engineWith({ chunkTokens: 32, idleSteps: 32 });
  const free = requireResult(await generate(engine, [request('s-g0-t0', { stopTokens: [] })]), 's-g0-t0');
  const stopTokens = [free.tokens[4]!];
  const at = free.tokens.indexOf(stopTokens[0]!);
  await engine.admit([request('s-g0-t0', { stopTokens })]);
  const report = await engine.generateChunk();
  t.same([...report.finished[0]!.tokens], [...free.tokens.subarray(0, at + 1)]);
  t.equal(report.finished[0]!.endReason, 'stop');
  t.same([report.steps, report.tokens, report.running], [at + 1, at + 1, 0]);
  await engine.admit([
    request('s-g0-t0', { stopTokens }),
    request('s-g1-t0', { stopTokens: [], budgetTokens: at + 3 }),
  ]);
  t.equal((await engine.generateChunk()).steps, at + 3, 'a row that meets its limit is done too');
  const many = request('s-g0-t0', { stopTokens: [...new Set([23, 22, free.tokens[2]!, free.tokens[9]!])] });
  const first = free.tokens.findIndex((token) => many.stopTokens.includes(token));
  t.equal(requireResult(await generate(engine, [many]), 's-g0-t0').tokens.length, first + 1, 'any of several');
});

t.test('a repetition ends the sequence at its exact token, whatever the chunk', async (t) => {
  // Loose enough that an untrained policy meets it: two equal tokens side by side, or a pair twice.
  const rule = { maxPeriod: 12, minRepeats: 2, minTokens: 2 };
  const free = { stopTokens: [], budgetTokens: 60 };
  for (const chunkTokens of [4, 32]) {
    const engine = await engineWith({ chunkTokens });
    const { tokens } = requireResult(await generate(engine, [request('r', free)]), 'r');
    const detector = new RepeatDetector(rule);
    const at = tokens.findIndex((token) => detector.push(token));
    t.ok(at > 1 && at < 59, `it repeats at ${at}`);
    const result = requireResult(await generate(engine, [request('r', { ...free, repeat: rule })]), 'r');
    t.same([result.endReason, ...result.tokens], ['repeat', ...tokens.subarray(0, at + 1)]);
    const resumed = { ...free, repeat: rule, responseTokens: tokens.slice(0, at) };
    const again = requireResult(await generate(engine, [request('r', resumed)]), 'r');
    t.same([again.endReason, again.tokens.length], ['repeat', 1], 'found across the segments');
  }
});

t.test('freed slots are filled between chunks and the batch shrinks as sequences end', async (t) => {
  const engine = await engineWith({ slots: 3, waitingRoom: 0, chunkTokens: 4, idleSteps: 4 });
  const make = (i: number, budgetTokens: number) => request(`c-g${i}-t0`, { stopTokens: [], budgetTokens });
  await engine.admit([make(0, 3), make(1, 9), make(2, 14)]);
  await t.rejects(engine.admit([make(3, 4)]), { code: 'RESOURCE_EXHAUSTED', message: /3 slots/ });
  const first = await engine.generateChunk();
  t.same([first.finished.map(({ id }) => id), first.running, first.tokens, first.steps], [['c-g0-t0'], 2, 11, 4]);
  await engine.admit([make(3, 4)]);
  t.equal((await engine.status()).running, 3);
  const second = await engine.generateChunk();
  t.same([second.finished.map(({ id }) => id), second.running, second.tokens], [['c-g3-t0'], 2, 12]);
  const third = await engine.generateChunk();
  t.same([third.finished.map(({ id }) => id), third.running, third.tokens], [['c-g1-t0'], 1, 5]);
  const rest = await generate(engine);
  t.same(
    [...rest.values()].map(({ id, tokens, endReason }) => [id, tokens.length, endReason]),
    [['c-g2-t0', 14, 'budget']],
  );
  t.same(await engine.generateChunk(), {
    finished: [],
    ids: [],
    running: 0,
    rows: 0,
    tokens: 0,
    steps: 0,
    durationMs: 0,
    prefillMs: 0,
    loopMs: 0,
  });
});

t.test('a chunk ends early once ended rows have idled long enough, and the tokens are the same', async (t) => {
  // Of four rows, one ends after 3 steps and one after 8.
  const requests = [3, 8, 30, 30].map((budgetTokens, i) => request(`e-g${i}-t0`, { stopTokens: [], budgetTokens }));
  const patient = await generate(await engineWith({ chunkTokens: 32, idleSteps: 32 }), requests);
  for (const [idleSteps, steps] of [
    [0, 3],
    [0.5, 5],
    [1, 7],
    // From the eighth step on two rows idle.
    [2, 9],
    [32, 30],
  ] as const) {
    const engine = await engineWith({ chunkTokens: 32, idleSteps });
    await engine.admit(requests);
    const report = await engine.generateChunk();
    t.equal(report.steps, steps, `idle for ${idleSteps} steps of the batch`);
    const results = await generate(engine);
    for (const result of [...report.finished, ...results.values()]) {
      const expected = requireResult(patient, result.id);
      t.same([result.endReason, ...result.tokens], [expected.endReason, ...expected.tokens]);
      t.ok(largestDifference(result.logProbs, expected.logProbs) <= 1e-5);
    }
    t.equal(report.finished.length + results.size, 4);
  }
});

t.test('prompt and re-prefilled tokens are metered apart, a shared prompt once', async (t) => {
  for (const sharePrompts of ['never', 'always', 'auto'] as const) {
    const engine = await engineWith({ sharePrompts, chunkTokens: 4 });
    const sibling = (k: number, overrides = {}) =>
      request(`m-g0-t${k}`, { stopTokens: [], budgetTokens: 6, ...overrides });
    await engine.admit([sibling(0), sibling(1), sibling(2, { responseTokens: prompt(3, 5), budgetTokens: 9 })]);
    await engine.generateChunk();
    await engine.admit([sibling(3, { budgetTokens: 2 })]);
    const results = await generate(engine);
    t.same(
      [...results.values()].map((r) => [r.id, r.promptTokens, r.reprefillTokens]).sort(),
      [
        ['m-g0-t0', 9, 0],
        ['m-g0-t1', 0, 0],
        ['m-g0-t2', 0, 5],
        ['m-g0-t3', 0, 0],
      ],
      'siblings share, one that joins later too',
    );
    const again = await generate(engine, [sibling(4)]);
    t.equal(requireResult(again, 'm-g0-t4').promptTokens, 9, 'with the last sibling the prompt has gone');
  }
});

t.test('cut saves what is running', async (t) => {
  const engine = await engineWith({ chunkTokens: 4 });
  await engine.admit([request('y-g0-t0', { stopTokens: [] }), request('y-g0-t1', { stopTokens: [], lastSpan: true })]);
  await engine.generateChunk();
  await engine.admit([request('y-g0-t2', { stopTokens: [] }), request('y-g0-t3', { stopTokens: [] })]);
  const before = await engine.cut(['y-g0-t2', 'unknown']);
  t.same(
    before.map((r) => [r.id, r.tokens.length, r.endReason, r.promptTokens, r.reprefillTokens]),
    [['y-g0-t2', 0, 'yield', 0, 0]],
    'cut before its first token: nothing was generated or prefilled',
  );
  await engine.generateChunk();
  const rest = await engine.cut();
  t.same(
    rest.map((r) => [r.id, r.tokens.length, r.endReason]),
    [
      ['y-g0-t0', 8, 'yield'],
      ['y-g0-t1', 8, 'length'],
      ['y-g0-t3', 4, 'yield'],
    ],
  );
  const [yielded] = rest;
  const resumed = request('y-g0-t0', { stopTokens: [], responseTokens: yielded!.tokens, budgetTokens: 22 });
  const uninterrupted = requireResult(await generate(engine, [request('y-g0-t0', { stopTokens: [] })]), 'y-g0-t0');
  const later = requireResult(await generate(engine, [resumed]), 'y-g0-t0');
  t.same([...join(yielded!.tokens, later.tokens)], [...uninterrupted.tokens], 'and it goes on where it was cut');
});

t.test('requests that cannot run are refused as a whole', async (t) => {
  const engine = await engineWith({ slots: 4, waitingRoom: 0 });
  const good = request('n-g0-t0');
  const cases: [SequenceRequest[], string, RegExp][] = [
    [[good, request('n-g0-t1', { promptTokens: Int32Array.of(1, 24) })], 'INVALID_INPUT', /vocabulary has 24/],
    [[good, request('n-g0-t1', { capTokens: 90 })], 'INVALID_INPUT', /context of 96/],
    [[good, good], 'INVALID_INPUT', /runs already/],
    [[good, request('n-g0-t1', { promptTokens: prompt(1, 9) })], 'INVALID_INPUT', /two different prompts/],
    [Array.from({ length: 5 }, (_, k) => request(`n-g0-t${k}`)), 'RESOURCE_EXHAUSTED', /4 slots/],
  ];
  for (const [requests, code, message] of cases) {
    await t.rejects(engine.admit(requests), { code, message });
    t.equal((await engine.status()).running, 0, 'nothing has joined');
  }
  const empty = new LocalEngine({ slots: 1 });
  await t.rejects(empty.admit([good]), { code: 'FAILED_PRECONDITION' });
  await t.rejects(empty.generateChunk(), { code: 'FAILED_PRECONDITION' });
  t.throws(() => new LocalEngine({ slots: 0 }), SegueError);
});

t.test('a version is loaded between sequences only, and changes what is generated', async (t) => {
  const engine = await engineWith();
  t.match(await engine.status(), {
    policyVersion: 1,
    vocabularySize: 24,
    maxContextTokens: 96,
    slots: 8,
    device: 'cpu',
  });
  const before = requireResult(await generate(engine, [request('v', { stopTokens: [] })]), 'v');
  await engine.admit([request('v')]);
  const other = await writeTinyPolicy(t.testdir(), 2);
  await t.rejects(engine.loadVersion({ version: 2, folder: other }), {
    code: 'FAILED_PRECONDITION',
    message: /cut them/,
  });
  await engine.cut();
  await t.rejects(engine.loadVersion({ version: 2, folder: `${other}/none` }), SegueError);
  t.equal((await engine.status()).policyVersion, 1, 'a version that cannot be read leaves the old one in place');
  await engine.loadVersion({ version: 2, folder: other });
  t.equal((await engine.status()).policyVersion, 2);
  const after = requireResult(await generate(engine, [request('v', { stopTokens: [] })]), 'v');
  t.notSame([...after.tokens], [...before.tokens]);
  await engine.loadVersion({ version: 3, folder });
  const again = requireResult(await generate(engine, [request('v', { stopTokens: [] })]), 'v');
  t.same([...again.tokens], [...before.tokens]);
  await engine.stop();
  await t.rejects(engine.admit([request('v')]), { code: 'FAILED_PRECONDITION', message: /stopped/ });
});

t.test('a policy whose weights are not numbers is refused when it generates, and nothing is made up', async (t) => {
  const engine = await engineWith();
  const parameters = tinyParameters(1).fill(Number.NaN, 0, 64);
  await engine.loadVersion({ version: 7, folder: await writeTinyPolicy(t.testdir(), 7, parameters) });
  await engine.admit([request('x', { promptTokens: Int32Array.of(0, 1, 2) })]);
  await t.rejects(engine.generateChunk(), { code: 'DATA_LOSS', message: /version 7 .* not numbers/ });
  t.same(
    (await engine.cut()).map(({ tokens }) => tokens.length),
    [0],
  );
});
