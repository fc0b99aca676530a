/**
 * The engine against llama.cpp's real server, which reads our policy: the tokens and log-probs of our own engine and trainer, resuming by token ids, cuts,
 * ends, new versions, and the life of the server. Skipped where there is no such server; dialects.test.ts needs none.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SequenceRequest } from '@segue/core';
import {
  initialParameters,
  LocalEngine,
  type ModelConfig,
  parameterLayout,
  TrainingEngine,
  writeCheckpoint,
} from '@segue/engine';
import t from 'tap';
import {
  generate,
  prompt,
  request,
  tinyConfig,
  tinyParameters,
  writeTinyPolicy,
} from '../../engine/test/tiny-policy.js';
import { type DialectName, RemoteEngine, type RemoteEngineOptions } from '../dist/index.js';
import { command, noLlamaServer } from './support/llama-server.js';

const greedy = { temperature: 0, topK: 0, topP: 1 };
/** Both compute in float32, each in its own order. */
const rounding = 2e-4;

await t.test('llama.cpp', { skip: noLlamaServer }, async (t) => {
  const work = t.testdir();
  const [first, second] = [join(work, 'first'), join(work, 'second')];
  await writeTinyPolicy(first, 1);
  await writeTinyPolicy(second, 2);
  const trainer = new TrainingEngine(tinyConfig, tinyParameters(1), { threads: 1 });
  t.teardown(() => trainer.dispose());

  function engine(options: Partial<RemoteEngineOptions> = {}): RemoteEngine {
    const made = new RemoteEngine({
      slots: 4,
      dialect: 'llama.cpp',
      server: { command },
      folder: join(work, 'servers'),
      ...options,
    });
    t.teardown(() => made.stop());
    return made;
  }

  async function local(requests: readonly SequenceRequest[], folder = first) {
    const made = new LocalEngine({ slots: 8 });
    await made.loadVersion({ version: 1, folder });
    try {
      return await generate(made, requests);
    } finally {
      await made.stop();
    }
  }

  /** Largest difference to the log-probs that the trainer computes for the same tokens. */
  async function difference(asked: SequenceRequest, tokens: Int32Array, logProbs: Float32Array): Promise<number> {
    const before = [...asked.promptTokens, ...asked.responseTokens];
    const all = Int32Array.from([...before, ...tokens]);
    const mask = Uint8Array.from(all, (_, i) => (i < before.length ? 0 : 1));
    const temperature = asked.sampling.temperature || 1;
    const expected = (await trainer.logProbs([{ tokens: all, mask }], { temperature })).logProbs[0]!;
    return Math.max(...Array.from(logProbs, (logProb, i) => Math.abs(logProb - expected[before.length + i]!)));
  }

  const remote = engine();
  await remote.loadVersion({ version: 1, folder: first });

  await t.test('greedy tokens and their log-probs are those of our own engine', async (t) => {
    const requests = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, key) =>
      request(id, { promptKey: id, promptTokens: prompt(key, 5 + key), sampling: greedy, stopTokens: [] }),
    );
    t.match(await remote.status(), {
      policyVersion: 1,
      slots: 4,
      running: 0,
      vocabularySize: 24,
      maxContextTokens: 96,
    });
    const expected = await local(requests);
    const results = await generate(remote, requests);
    let worst = 0;
    for (const one of requests) {
      const [own, result] = [expected.get(one.id)!, results.get(one.id)!];
      t.same([...result.tokens], [...own.tokens], one.id);
      t.equal(result.endReason, 'budget');
      worst = Math.max(worst, ...result.logProbs.map((logProb, i) => Math.abs(logProb - own.logProbs[i]!)));
    }
    t.ok(worst <= rounding, `largest difference ${worst}`);
    t.comment(`greedy: largest difference of log-probs ${worst}`);
  });

  await t.test('sampled tokens have the log-probs that the trainer computes, at every temperature', async (t) => {
    for (const [temperature, topK, topP] of [
      [1, 0, 1],
      [0.7, 0, 1],
      [1.5, 0, 1],
      [1, 5, 0.9],
    ] as const) {
      const requests = ['s', 't', 'u', 'v'].map((id) =>
        request(`${id}-${temperature}-${topK}`, {
          sampling: { temperature, topK, topP },
          stopTokens: [],
          budgetTokens: 60,
        }),
      );
      const results = await generate(remote, requests);
      const differences = await Promise.all(
        requests.map((one) => difference(one, results.get(one.id)!.tokens, results.get(one.id)!.logProbs)),
      );
      const worst = Math.max(...differences);
      t.ok(worst <= rounding, `temperature ${temperature}, topK ${topK}: largest difference ${worst}`);
      t.comment(`temperature ${temperature}, topK ${topK}: largest difference of log-probs ${worst}`);
      const texts = new Set([...results.values()].map(({ tokens }) => tokens.join(' ')));
      t.equal(texts.size, requests.length, 'each sequence has random numbers of its own');
    }
    const both = request('x', { sampling: { temperature: 0.7, topK: 5, topP: 1 } });
    await t.rejects(remote.admit([both]), { code: 'UNIMPLEMENTED', message: /temperature 0.7 together with topK/ });
  });

  await t.test('the same request gives the same tokens again, another seed gives others', async (t) => {
    const once = (await generate(remote, [request('a')])).get('a')!;
    const again = (await generate(remote, [request('a')])).get('a')!;
    const other = (await generate(remote, [request('a', { seed: 43 })])).get('a')!;
    t.same([...again.tokens], [...once.tokens]);
    t.not([...other.tokens].join(), [...once.tokens].join());
  });

  await t.test('what was cut is a prefix, and goes on by token ids as if it had not been cut', async (t) => {
    const whole = request('a', { sampling: greedy, stopTokens: [], budgetTokens: 60 });
    const expected = (await local([whole])).get('a')!;
    const small = engine({ chunkTokens: 7, slots: 2 });
    await small.loadVersion({ version: 1, folder: first });
    await small.admit([whole, { ...whole, id: 'b' }, { ...whole, id: 'c' }]);
    const report = await small.generateChunk();
    t.match(report, { ids: ['a', 'b'], running: 2, finished: [] });
    t.ok(report.tokens >= 14);
    const cut = await small.cut(['a', 'c']);
    t.match(cut, [
      { id: 'a', endReason: 'yield', promptTokens: 9, reprefillTokens: 0 },
      { id: 'c', endReason: 'yield' },
    ]);
    const [part, waited] = [cut[0]!, cut[1]!];
    t.ok(part.tokens.length >= 1 && part.tokens.length < 60, `${part.tokens.length} tokens`);
    t.equal(waited.tokens.length, 0, 'what waits comes back without tokens');
    t.same([...part.tokens], [...expected.tokens.subarray(0, part.tokens.length)]);
    const rest = { ...whole, responseTokens: part.tokens, budgetTokens: 60 - part.tokens.length };
    const results = await generate(small, [rest]);
    const resumed = results.get('a')!;
    t.same([...part.tokens, ...resumed.tokens], [...expected.tokens]);
    t.equal(resumed.endReason, 'length', 'the cap is reached with the budget');
    t.ok(resumed.reprefillTokens <= part.tokens.length, 'what the server has kept is not metered');
    t.same([...results.get('b')!.tokens], [...expected.tokens], 'who was not cut went on');
  });

  await t.test('ends are those of our own engine: stop tokens, repetition, cap, budget, last span', async (t) => {
    const base = { sampling: greedy, capTokens: 60, budgetTokens: 60 };
    const free = (await local([request('a', { ...base, stopTokens: [] })])).get('a')!.tokens;
    const requests = [
      request('stop', { ...base, stopTokens: [free[4]!] }),
      request('repeat', { ...base, stopTokens: [], repeat: { maxPeriod: 16, minRepeats: 2, minTokens: 6 } }),
      request('length', { ...base, stopTokens: [], capTokens: 11 }),
      request('budget', { ...base, stopTokens: [], budgetTokens: 9 }),
      request('span', { ...base, stopTokens: [], budgetTokens: 9, lastSpan: true }),
      // To the last token of the policy's context, and past the end-of-sequence token of the file.
      request('full', { stopTokens: [], capTokens: 87, budgetTokens: 87 }),
    ];
    const [expected, results] = [await local(requests.slice(0, -1)), await generate(remote, requests)];
    for (const [id, own] of expected) {
      const result = results.get(id)!;
      t.same([result.endReason, [...result.tokens]], [own.endReason, [...own.tokens]], id);
      t.equal(result.logProbs.length, result.tokens.length);
    }
    const full = results.get('full')!;
    t.same([full.endReason, full.tokens.length], ['length', 87]);
    t.ok(full.tokens.includes(0), 'the file has it as the end of a sequence, the request does not');
  });

  await t.test('a new version is served after its load, at once when it was made ready', async (t) => {
    const one = request('a', { sampling: greedy, stopTokens: [] });
    const [old, fresh] = [(await local([one])).get('a')!, (await local([one], second)).get('a')!];
    t.not([...fresh.tokens].join(), [...old.tokens].join());
    await remote.admit([one]);
    await t.rejects(remote.loadVersion({ version: 2, folder: second }), { code: 'FAILED_PRECONDITION' });
    await remote.prepareVersion({ version: 2, folder: second });
    t.equal(readdirSync(join(work, 'servers')).length >= 2, true, 'two servers have their files');
    t.same([...(await generate(remote)).get('a')!.tokens], [...old.tokens], 'what runs goes on');
    await remote.loadVersion({ version: 2, folder: second });
    t.match(await remote.status(), { policyVersion: 2 });
    t.same([...(await generate(remote, [one])).get('a')!.tokens], [...fresh.tokens]);
    await t.rejects(remote.loadVersion({ version: 3, folder: join(work, 'nowhere') }), { code: 'NOT_FOUND' });
    t.match(await remote.status(), { policyVersion: 2 }, 'the version before goes on');
    t.same([...(await generate(remote, [one])).get('a')!.tokens], [...fresh.tokens]);
  });

  await t.test('every architecture comes out as our own engine computes it', async (t) => {
    for (const architecture of ['LlamaForCausalLM', 'Qwen2ForCausalLM', 'Qwen3ForCausalLM'] as const) {
      const config: ModelConfig = { ...tinyConfig, architecture, tieEmbeddings: architecture !== 'Qwen2ForCausalLM' };
      const layout = parameterLayout(config);
      const folder = join(work, architecture);
      await writeCheckpoint(folder, { config, layout, parameters: initialParameters(layout, 3, { deviation: 0.35 }) });
      const one = request('a', { sampling: greedy, stopTokens: [] });
      const own = (await local([one], folder)).get('a')!;
      const other = engine();
      await other.loadVersion({ version: 1, folder });
      const result = (await generate(other, [one])).get('a')!;
      await other.stop();
      t.same([...result.tokens], [...own.tokens], architecture);
      const worst = Math.max(...result.logProbs.map((logProb, i) => Math.abs(logProb - own.logProbs[i]!)));
      t.ok(worst <= rounding, `${architecture}: largest difference ${worst}`);
    }
  });

  await t.test('its plain completions address gives the same', async (t) => {
    const dialect: DialectName = 'openai';
    const plain = engine({ dialect });
    await plain.loadVersion({ version: 1, folder: first });
    const requests = [request('a', { sampling: greedy, stopTokens: [] }), request('b')];
    const results = await generate(plain, requests);
    t.same([...results.get('a')!.tokens], [...(await local(requests)).get('a')!.tokens]);
    for (const one of requests) {
      const { tokens, logProbs } = results.get(one.id)!;
      t.ok((await difference(one, tokens, logProbs)) <= rounding, one.id);
    }
    const warm = request('c', { sampling: { temperature: 0.7, topK: 0, topP: 1 } });
    await t.rejects(plain.admit([warm]), { code: 'INVALID_INPUT', message: /temperature 1 alone/ });
  });

  await t.test(
    'a server that dies is told with its last words; a stopped engine leaves neither server nor files',
    async (t) => {
      const folder = join(work, 'own');
      const one = engine({ folder, server: { command: ['sh', '-c', `echo pid $$ >&2; exec "$@"`, 'sh', ...command] } });
      await one.loadVersion({ version: 1, folder: first });
      t.equal(readdirSync(folder).length, 1);
      await one.stop();
      t.same(readdirSync(folder), []);
      await t.rejects(one.admit([request('a')]), { code: 'FAILED_PRECONDITION', message: /has been stopped/ });
      const bad = engine({ folder, server: { command: [...command, '--no-such-flag'] } });
      await t.rejects(bad.loadVersion({ version: 1, folder: first }), {
        code: 'UNAVAILABLE',
        message: /last words.*no-such-flag/s,
      });
      const absent = engine({ folder, server: { command: ['/nowhere/llama-server', '{port}'] } });
      await t.rejects(absent.loadVersion({ version: 1, folder: first }), {
        code: 'UNAVAILABLE',
        message: /cannot be started/,
      });
      const slow = engine({ folder, startTimeoutMs: 300, server: { command: ['sleep', '600{port}'] } });
      await t.rejects(slow.loadVersion({ version: 1, folder: first }), {
        code: 'DEADLINE_EXCEEDED',
        message: /300 ms/,
      });
      t.same(readdirSync(folder), []);
    },
  );

  await t.test('no server outlives an engine whose process is killed', async (t) => {
    const folder = join(work, 'killed');
    const entry = new URL('../dist/index.js', import.meta.url).href;
    const options = { slots: 2, dialect: 'llama.cpp', folder, server: { command } };
    const script = `
      const { RemoteEngine } = await import(${JSON.stringify(entry)});
      const engine = new RemoteEngine(${JSON.stringify(options)});
      await engine.loadVersion({ version: 1, folder: ${JSON.stringify(first)} });
      console.log('ready');`;
    const owner = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    t.equal(readdirSync(folder).length, 1, 'the server runs');
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    // The guard removes the files when the server has gone.
    for (let looks = 0; readdirSync(folder).length > 0 && looks < 500; looks++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    t.same(readdirSync(folder), []);
  });
});
