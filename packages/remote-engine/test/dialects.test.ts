/**
 * The engine against servers in a dozen lines: vLLM's messages in their documented form (never vLLM itself), what goes wrong on the way, and a
 * server that somebody else runs. What is proven against a real server is in llama-server.test.ts.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { generate, request, writeTinyPolicy } from '../../engine/test/tiny-policy.js';
import { RemoteEngine, type RemoteEngineOptions } from '../dist/index.js';

const folder = await writeTinyPolicy(t.testdir());

/** The bodies that came, by path. */
type Bodies = Map<string, Record<string, unknown>[]>;
type Answer = (body: Record<string, unknown>, response: ServerResponse, count: number) => void;

/** A server that lists one model, takes every reload, and answers completions as it is told. */
async function serve(t: Test, complete: Answer): Promise<{ url: string; bodies: Bodies }> {
  const bodies: Bodies = new Map();
  const server = createServer(async (asked: IncomingMessage, response) => {
    const path = asked.url ?? '';
    if (path === '/v1/models') return void response.end(JSON.stringify({ data: [{ id: 'policy' }] }));
    let text = '';
    for await (const part of asked) text += part;
    const body: Record<string, unknown> = JSON.parse(text);
    const all = [...(bodies.get(path) ?? []), body];
    bodies.set(path, all);
    if (path === '/reload') return void response.end('{}');
    complete(body, response, all.length);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

async function loaded(t: Test, url: string, options: Partial<RemoteEngineOptions> = {}): Promise<RemoteEngine> {
  const engine = new RemoteEngine({
    slots: 4,
    dialect: 'vllm',
    server: { url, reloadUrl: `${url}/reload` },
    folder: t.testdir(),
    ...options,
  });
  t.teardown(() => engine.stop());
  await engine.loadVersion({ version: 3, folder });
  return engine;
}

function stream(response: ServerResponse, messages: readonly unknown[], done = true): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const message of messages) response.write(`data: ${JSON.stringify(message)}\n\n`);
  if (done) response.end('data: [DONE]\n\n');
}

/** As vLLM writes a message: several tokens may come together. */
function vllmMessage(tokens: readonly number[], logProbs: readonly (number | null)[]): object {
  return { choices: [{ index: 0, text: 'x', token_ids: tokens, logprobs: { token_logprobs: logProbs } }] };
}

t.test("vLLM's messages: ids and log-probs, a stop token, and what it is asked for", async (t) => {
  const { url, bodies } = await serve(t, (_, response) =>
    stream(response, [
      { choices: [{ index: 0, text: '', logprobs: null, prompt_token_ids: [9], token_ids: [] }] },
      vllmMessage([], []),
      vllmMessage([5, 6], [-0.5, -1.5]),
      vllmMessage([0], [-2]),
      { choices: [] },
    ]),
  );
  const engine = await loaded(t, url);
  t.match(await engine.status(), { policyVersion: 3, device: 'vllm', vocabularySize: 24 });
  t.match(bodies.get('/reload'), [{ model_path: folder, weight_version: '3' }]);
  t.ok(engine.sharesWeights, 'another engine there would load in its place');
  const asked = request('a', { responseTokens: Int32Array.of(7, 8), sampling: { temperature: 1, topK: 5, topP: 0.9 } });
  const result = (await generate(engine, [asked])).get('a')!;
  t.same([...result.tokens], [5, 6, 0]);
  t.same([...result.logProbs], [-0.5, -1.5, -2]);
  t.match(result, { endReason: 'stop', promptTokens: 9, reprefillTokens: 2 });
  t.match(bodies.get('/v1/completions'), [
    {
      model: 'policy',
      prompt: [...asked.promptTokens, 7, 8],
      max_tokens: 30,
      temperature: 1,
      top_k: 5,
      top_p: 0.9,
      stop_token_ids: [0],
      ignore_eos: true,
      // Else those of the model's generation_config.json would be used.
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      min_p: 0,
      logprobs: 1,
      return_token_ids: true,
      stream: true,
    },
  ]);
});

/** As SGLang writes a message: all tokens so far each time, or the new ones alone. */
function sglangMessage(tokens: readonly number[], count: number, finished = false): object {
  const logProbs = tokens.map((token) => [-token / 10, token, null]);
  const meta = { id: 'r', finish_reason: finished ? { type: 'length', length: count } : null, prompt_tokens: 9 };
  return {
    text: 'x',
    output_ids: tokens,
    meta_info: { ...meta, cached_tokens: 4, completion_tokens: count, output_token_logprobs: logProbs },
  };
}

t.test("SGLang's messages, whole ones and increments: ids, log-probs, what it had in its cache", async (t) => {
  const whole = [
    sglangMessage([], 0),
    sglangMessage([5], 1),
    sglangMessage([5, 6, 7], 3),
    sglangMessage([5, 6, 7, 0], 4, true),
  ];
  const parts = [sglangMessage([5], 1), sglangMessage([6, 7], 3), sglangMessage([0], 4, true)];
  for (const messages of [whole, parts]) {
    const { url, bodies } = await serve(t, (_, response) => stream(response, messages));
    const engine = await loaded(t, url, { dialect: 'sglang' });
    const asked = request('a', {
      responseTokens: Int32Array.of(7, 8),
      sampling: { temperature: 0.7, topK: 0, topP: 1 },
    });
    const result = (await generate(engine, [asked])).get('a')!;
    t.same([...result.tokens], [5, 6, 7, 0]);
    t.same([...result.logProbs], [...Float32Array.of(-0.5, -0.6, -0.7, -0)]);
    t.match(result, { endReason: 'stop', promptTokens: 5, reprefillTokens: 2 });
    const [body] = bodies.get('/generate')!;
    t.match(body, {
      input_ids: [...asked.promptTokens, 7, 8],
      sampling_params: { max_new_tokens: 30, temperature: 0.7, top_k: -1, stop_token_ids: [0], ignore_eos: true },
      return_logprob: true,
      stream: true,
    });
  }
});

t.test(
  'what a server of the plain protocol tells no log-probs of is refused as what another engine may do',
  async (t) => {
    const { url } = await serve(t, (_, response) => stream(response, []));
    for (const dialect of ['vllm', 'openai'] as const) {
      const engine = await loaded(t, url, { dialect });
      const tempered = request('a', { sampling: { temperature: 0.8, topK: 0, topP: 1 } });
      await t.rejects(engine.admit([tempered]), { code: 'UNIMPLEMENTED', message: /sequence a: temperature 0.8/ });
      await t.rejects(engine.admit([request('b', { capTokens: 0 })]), { code: 'INVALID_INPUT' }, 'what nobody takes');
    }
  },
);

t.test('SGLang: what its log-probs may not mean is refused, and so is a token that did not come', async (t) => {
  const { url } = await serve(t, (_, response) => stream(response, [sglangMessage([5], 1), sglangMessage([7], 3)]));
  const engine = await loaded(t, url, { dialect: 'sglang' });
  const limited = request('a', { sampling: { temperature: 1, topK: 5, topP: 1 } });
  await t.rejects(engine.admit([limited]), { code: 'UNIMPLEMENTED', message: /topK or topP/ });
  await t.rejects(generate(engine, [request('b')]), {
    code: 'FAILED_PRECONDITION',
    message: /3 tokens were generated, 2/,
  });
});

t.test('a completion that breaks off is gone on with by token ids, exactly to the budget', async (t) => {
  const { url, bodies } = await serve(t, (body, response, count) => {
    if (count === 1) {
      stream(response, [vllmMessage([1, 2], [-1, -1])], false);
      setImmediate(() => response.destroy());
    } else if (count === 2) response.writeHead(503).end('{"error":"busy"}');
    // More than was asked for: what is beyond the budget is not taken.
    else stream(response, [vllmMessage([3, 4, 5, 6, 7], [-1, -1, -1, -1, -1])]);
    t.ok(Number(body.max_tokens) <= 5);
  });
  const engine = await loaded(t, url);
  const result = (await generate(engine, [request('a', { budgetTokens: 5 })])).get('a')!;
  t.same([...result.tokens], [1, 2, 3, 4, 5]);
  t.equal(result.endReason, 'budget');
  const asked = bodies.get('/v1/completions')!;
  t.match(asked.at(-1), { prompt: [...request('a').promptTokens, 1, 2], max_tokens: 3 });
  t.not(asked.at(-1)?.seed, asked[0]?.seed, 'the random numbers are not those of the beginning');
});

const refused: readonly (readonly [name: string, answer: Answer, error: { code: string; message: RegExp }])[] = [
  [
    'a request that is refused',
    (_, response) => response.writeHead(400).end('{"error":{"message":"no such model"}}'),
    { code: 'FAILED_PRECONDITION', message: /answered with 400: .*no such model/ },
  ],
  [
    'an address that is not there',
    (_, response) => response.writeHead(404).end('no'),
    { code: 'UNIMPLEMENTED', message: /404: no.*dialect/ },
  ],
  [
    'a server that stays busy',
    (_, response) => response.writeHead(503).end('loading'),
    { code: 'UNAVAILABLE', message: /503: loading/ },
  ],
  [
    'an answer that is no stream',
    (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
    { code: 'FAILED_PRECONDITION', message: /stream of events/ },
  ],
  [
    'an event that is no JSON',
    (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"choi\n\n'),
    { code: 'FAILED_PRECONDITION', message: /no JSON: \{"choi/ },
  ],
  [
    'a message of another form',
    (_, response) => stream(response, [{ choices: 'none' }]),
    { code: 'FAILED_PRECONDITION', message: /another form/ },
  ],
  [
    'an error inside the stream',
    (_, response) => stream(response, [{ error: { message: 'out of memory' } }]),
    { code: 'UNAVAILABLE', message: /out of memory/ },
  ],
  [
    'a token without log-prob',
    (_, response) => stream(response, [vllmMessage([1, 2], [-1, null])]),
    { code: 'FAILED_PRECONDITION', message: /a token came without log-prob/ },
  ],
  [
    'log-probs without token ids',
    (_, response) => stream(response, [{ choices: [{ logprobs: { token_logprobs: [-1] } }] }]),
    { code: 'FAILED_PRECONDITION', message: /without token ids/ },
  ],
  [
    'a token that the policy does not have',
    (_, response) => stream(response, [vllmMessage([99], [-1])]),
    { code: 'FAILED_PRECONDITION', message: /token 99.*the policy has 24 tokens/ },
  ],
  [
    'completions without tokens',
    (_, response) => stream(response, []),
    { code: 'FAILED_PRECONDITION', message: /3 completions of sequence a without a token/ },
  ],
  [
    'a server that says nothing',
    (_, response) => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders(),
    { code: 'DEADLINE_EXCEEDED', message: /no token of 1 sequences.*400 ms/ },
  ],
];

for (const [name, answer, error] of refused) {
  t.test(`${name} fails the chunk, and says so`, async (t) => {
    const { url } = await serve(t, answer);
    // Short for the one that waits for it alone.
    const engine = await loaded(t, url, error.code === 'DEADLINE_EXCEEDED' ? { silenceTimeoutMs: 400 } : {});
    await engine.admit([request('a')]);
    await t.rejects(engine.generateChunk(), error);
    await engine.stop();
  });
}

t.test('a byte tokenizer that holds tokens back is found out', async (t) => {
  const own = (count: number) => ({
    tokens: [4],
    tokens_predicted: count,
    stop: false,
    completion_probabilities: [{ id: 4, logprob: -1 }],
  });
  const { url } = await serve(t, (_, response) => stream(response, [own(1), own(3)]));
  const engine = await loaded(t, url, { dialect: 'llama.cpp' });
  await engine.admit([request('a')]);
  await t.rejects(engine.generateChunk(), {
    code: 'FAILED_PRECONDITION',
    message: /3 tokens were generated and 2 came/,
  });
});

t.test('a server that cannot be told to load another version, or is not there, is refused', async (t) => {
  const { url } = await serve(t, (_, response) => stream(response, []));
  const server = { url, reloadUrl: null };
  const fixed = new RemoteEngine({ slots: 1, dialect: 'vllm', server, folder: t.testdir() });
  await t.rejects(fixed.loadVersion({ version: 1, folder }), {
    code: 'FAILED_PRECONDITION',
    message: /server.reloadUrl/,
  });
  const engine = await loaded(t, url);
  await engine.prepareVersion({ version: 4, folder });
  t.match(await engine.status(), { policyVersion: 3 }, 'it cannot serve two: the load comes later');
  const gone = new RemoteEngine({
    slots: 1,
    dialect: 'vllm',
    server: { url: 'http://127.0.0.1:9', reloadUrl: 'http://127.0.0.1:9/reload' },
    folder: t.testdir(),
  });
  await t.rejects(gone.loadVersion({ version: 1, folder }), { code: 'UNAVAILABLE', message: /cannot be reached/ });
});

t.test('settings out of bounds are refused by name', async (t) => {
  const make = (options: Partial<RemoteEngineOptions>) => () =>
    new RemoteEngine({ slots: 1, dialect: 'vllm', server: { command: ['x', '{port}'] }, folder: 'x', ...options });
  t.throws(make({ slots: 0 }), { code: 'INVALID_CONFIG', message: /slots must be/ });
  t.throws(make({ server: { command: ['x'] } }), { code: 'INVALID_CONFIG', message: /must say \{port\}/ });
});
