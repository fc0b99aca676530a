/** The demo's problems: distinct, verifiable, unguessable, with long tails; and the problem files of `segue run`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRunConfig, type RunView, SegueError } from '@segue/core';
import t from 'tap';
import { startController } from '../../client/test/support/controller.js';
import { alphabet } from '../dist/demo/chains.js';
import { makeDemoProblems } from '../dist/demo/problems.js';
import { fileBatches } from '../dist/problems/file-batches.js';
import { parseProblemLine, readProblemFile } from '../dist/problems/problem-file.js';
import { prepareRun } from '../dist/run/session.js';

const sizes = { heldOut: 512, train: 1500, warmup: 2000, hastyShare: 0.5 };
const demo = makeDemoProblems(1, sizes);
const all = [...demo.heldOut, ...demo.train, ...demo.warmup];
const prompts = (problems: typeof demo.train) => problems.map((p) => String(p.prompt));

t.test('the held-out set shares no problem with training or warm-up', async (t) => {
  t.equal(all.length, 4012);
  t.equal(new Set(prompts(all)).size, all.length);
});

t.test('the same seed draws the same problems, another seed others', async (t) => {
  t.strictSame(makeDemoProblems(1, sizes), demo);
  t.notSame(makeDemoProblems(2, sizes).heldOut, demo.heldOut);
});

t.test('the answer cannot be guessed: the most frequent one stays below 0.15', async (t) => {
  for (const problems of [demo.heldOut, demo.train]) {
    const counts = new Map<string, number>();
    for (const { answer } of problems) counts.set(answer, (counts.get(answer) ?? 0) + 1);
    t.ok(Math.max(...counts.values()) / problems.length < 0.15);
  }
});

t.test('chains of thought restate the machine and end in the answer; their lengths have a heavy tail', async (t) => {
  const lengths: number[] = [];
  for (const { response, answer, tags } of demo.warmup) {
    if (!response?.endsWith(`#${answer}`)) t.fail(`${response} does not end in ${answer}`);
    if (![...(response ?? '')].every((c) => alphabet.includes(c))) t.fail(`${response} leaves the alphabet`);
    if (tags.includes('careful')) lengths.push(response?.length ?? 0);
  }
  lengths.sort((a, b) => a - b);
  const median = lengths[lengths.length >> 1]!;
  const p95 = lengths[Math.floor(lengths.length * 0.95)]!;
  t.ok(p95 > 2.5 * median, `95th percentile ${p95}, median ${median}`);
  t.ok(lengths.at(-1)! <= 250);
});

t.test('each step of a careful chain follows from the one before', async (t) => {
  const collatz = demo.warmup.find((p) => p.tags.includes('collatz') && p.tags.includes('careful'));
  const numbers = (collatz?.response ?? '').slice(1).split('#')[0]!.split(';').slice(0, -1);
  const values = numbers.map((digits) => Number([...digits].reverse().join('')));
  t.equal(values[0], Number(String(collatz?.prompt).slice(1, -1)));
  for (const [i, value] of values.slice(1).entries()) {
    t.equal(value, values[i]! % 2 === 0 ? values[i]! / 2 : 3 * values[i]! + 1);
  }
  t.ok(values.at(-1)! < 10_000 && values.slice(0, -1).every((v) => v >= 10_000));
});

t.test('a problem file: prompts as text or chat, defaults, and wrong lines named by number', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'segue-problems-'));
  const path = join(folder, 'problems.jsonl');
  const good = [
    '{"prompt":"1+1=","answer":"2","scorer":"numeric"}',
    '',
    '{"id":"p-2","prompt":[{"role":"user","content":"hello"}],"answer":"x","scorer":"exact","tags":["a"],"difficulty":0.5,"metadata":{"k":[1]}}',
  ];
  await writeFile(path, good.join('\n'));
  const read = [];
  for await (const problem of readProblemFile(path)) read.push(problem);
  t.equal(read.length, 2);
  t.match(read[0], { id: null, purpose: 'train', prompt: '1+1=', answer: '2', difficulty: null, response: null });
  t.strictSame(read[1]?.prompt, [{ role: 'user', parts: [{ type: 'text', text: 'hello' }] }]);

  const refused = async (line: string, words: RegExp) => {
    await writeFile(path, `${good[0]}\n${line}\n`);
    const drain = async () => {
      for await (const _ of readProblemFile(path));
    };
    await t.rejects(drain(), { code: 'INVALID_INPUT', message: /problems\.jsonl:2: / });
    await t.rejects(drain(), { message: words });
  };
  await refused('{"prompt":', /not JSON/);
  await refused('{"answer":"2","scorer":"numeric"}', /prompt/);
  await refused('{"prompt":"a","scorer":"x","color":1}', /color/);
  await refused('{"prompt":"a","scorer":"x","purpose":"warmup"}', /response is needed/);
  await refused('{"prompt":"a","scorer":"x","id":"../x"}', /id/);
  await t.rejects(readProblemFile(join(folder, 'none.jsonl')).next(), { code: 'NOT_FOUND' });
  t.equal(parseProblemLine(good[0]!, 'x:1').scorer, 'numeric');
});

t.test('a problem file is sent again, whole and under the same id, when the connection breaks', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'segue-problems-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'problems.jsonl');
  const line = (n: number) => `{"prompt":"${n}+1=","answer":"${n + 1}","scorer":"numeric"}`;
  await writeFile(path, Array.from({ length: 500 }, (_, n) => line(n)).join('\n'));
  const got: { batchId: string; prompts: unknown[] }[] = [];
  const controller = await startController(t, {
    createRun: async ({ runId }) => runOf(runId),
    getRun: async ({ runId }) => runOf(runId),
    submitProblems: async ({ batchId }, items) => {
      const isCut = got.length === 0;
      const prompts: unknown[] = [];
      got.push({ batchId, prompts });
      for await (const { prompt } of items) {
        prompts.push(prompt);
        if (isCut && prompts.length === 100) throw new SegueError('UNAVAILABLE', 'the connection broke');
      }
      return { batchId, accepted: prompts.length, repeated: false };
    },
  });
  const [batch] = await fileBatches([path]);
  await prepareRun(controller.client, 'r', parseRunConfig({}, 'test'), [batch!]);
  t.equal(got.length, 2);
  t.equal(got[0]!.batchId, got[1]!.batchId, 'one batch, whichever try arrived');
  t.match(got[0]!.batchId, /^file-[0-9a-f]{16}$/);
  t.strictSame(
    got[1]!.prompts,
    Array.from({ length: 500 }, (_, n) => `${n}+1=`),
    'from its first problem on',
  );
  await writeFile(path, line(0));
  t.not((await fileBatches([path]))[0]?.batchId, batch?.batchId, 'a file with other content is another batch');
  await t.rejects(fileBatches([join(folder, 'none.jsonl')]), { code: 'INVALID_INPUT', message: /none\.jsonl/ });
});

function runOf(id: string): RunView {
  return {
    id,
    state: 'created',
    configJson: '{}',
    iterations: 0,
    policyVersion: 0,
    createdAtMs: 0,
    error: '',
    trainProblems: 0,
    evaluationProblems: 0,
    warmupProblems: 0,
  };
}
