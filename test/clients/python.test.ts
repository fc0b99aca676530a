/**
 * The Python example against a real cluster: a JSONL file is submitted, a run is judged by a scorer that Python serves, and watched. Where there is no Python with grpcio the
 * test says so.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { connect } from '@segue/client';
import t, { type Test } from 'tap';
import { config, sums } from '../../packages/client/dist/examples/sums.js';
import { findPython, pythonFolder, pythonPath } from '../support/python.js';
import { startUp } from '../support/up.js';

const found = findPython();
const options = 'why' in found ? { skip: found.why } : {};
const python = 'python' in found ? found.python : '';
const env = { ...process.env, PYTHONPATH: pythonPath, PYTHONDONTWRITEBYTECODE: '1', PYTHONUNBUFFERED: '1' };

function run(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(python, ['-m', 'segue_example', ...args], { env, encoding: 'utf8' });
  return { code: status, stdout, stderr };
}

/** Resolves when it has registered. */
async function startScorer(t: Test, controller: string) {
  const child = spawn(python, ['-m', 'segue_example', 'score', controller], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  t.teardown(async () => {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
  });
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(() => Promise.reject(new Error('the scorer ended before it was registered'))),
  ]);
  return { child, ended, line: String(line) };
}

t.test('Python submits, scores and watches', options, async (t) => {
  const { controller, folder } = await startUp(t, '--actors', '1');
  const client = connect(controller);
  t.teardown(() => client.close());
  const scorer = await startScorer(t, controller);
  t.match(scorer.line, /^prefix at 127\.0\.0\.1:\d+$/);
  t.match((await client.listScorers()).at(-1), { name: 'prefix', servers: 1 });

  const file = join(folder, 'sums.jsonl');
  const lines = sums('prefix').map(({ id, difficulty, response, ...problem }) => ({
    ...problem,
    ...(response !== null && { response }),
  }));
  writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
  await client.createRun('python', { ...config, iterations: 1 });
  t.match(run('submit', controller, 'python', file), { code: 0, stdout: '200 problems\n' });
  t.match(run('submit', controller, 'python', file), { code: 0, stdout: '200 problems, as they were before\n' });
  writeFileSync(file, '{"prompt": "1+1=", "answer": "2", "scorer": "unheard-of"}\n');
  t.match(run('submit', controller, 'python', file), { code: 1, stderr: /INVALID_ARGUMENT: problem 1 .*unheard-of/ });

  await client.resumeRun('python');
  const watched = run('watch', controller, 'python');
  t.equal(watched.code, 0, watched.stderr);
  t.match(watched.stdout, /^iteration \{"iteration": 0,/m);
  t.match(watched.stdout, /^state \{"state": "finished"/m);
  const rewards = [];
  for await (const { summary } of client.trajectories('python')) rewards.push(summary.reward);
  t.ok(rewards.includes(0.5), 'a part of a reward has come from Python to the store');

  scorer.child.kill('SIGINT');
  await scorer.ended;
  t.equal(scorer.child.exitCode, 0);
  t.match((await client.listScorers()).at(-1), { name: 'prefix', servers: 0 }, 'it took itself off the list');
});

t.test('the committed stubs are those of the protos', options, async (t) => {
  const version = spawnSync(python, ['-c', 'import importlib.metadata as m; print(m.version("grpcio-tools"))'], {
    encoding: 'utf8',
  }).stdout.trim();
  const [, made] = /grpcio-tools (\d+\.\d+\.\d+)/.exec(readFileSync(join(pythonFolder, 'generate.py'), 'utf8')) ?? [];
  if (version !== made) return void t.pass(`not compared: they are made with grpcio-tools ${made}, this is ${version}`);
  const fresh = mkdtempSync(join(tmpdir(), 'segue-stubs-'));
  t.teardown(() => rmSync(fresh, { recursive: true, force: true }));
  t.equal(spawnSync(python, [join(pythonFolder, 'generate.py'), '--out', fresh]).status, 0);
  const read = (root: string, name: string) => readFileSync(join(root, 'segue/v1', name), 'utf8');
  for (const name of readdirSync(join(fresh, 'segue/v1'))) {
    t.equal(read(pythonPath, name), read(fresh, name), `${name}: run python generate.py in packages/client/python`);
  }
});
