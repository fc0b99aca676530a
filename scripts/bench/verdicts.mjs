/**
 * `npm run bench -- verdicts [--json] [--seconds 120] [--rate N] [--growth 30,v8] [--iteration 192] [--run 5760]`: what scorers hold under load. Real scorers, which differ in how far
 * V8 may let their heap grow (percent, or `v8` for as it thinks fit), share one queue on a real nats-server and one store of a few lines; `--rate` tasks a second are put into it, as many
 * as they take when left out. Each run has so many tasks, and a new version after each iteration. Told are verdicts, processor time, and of the memory of each process (Linux) what is its own, in the second and in
 * the last quarter of the time, and how much of it V8 and its buffers do not account for.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addService, connectBus, createServer, listen, replayContract, stopServer } from '@segue/bus';
import { memorySettings, SegueError } from '@segue/core';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';
import { findNatsServer } from '../../packages/cli/dist/cluster/nats-server.js';
import { heapSample, processSample } from '../soak/sample.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '120' },
    rate: { type: 'string', default: 'Infinity' },
    growth: { type: 'string', default: '30,v8' },
    iteration: { type: 'string', default: '192' },
    run: { type: 'string', default: '5760' },
  },
});
const [seconds, rate, perIteration, perRun] = ['seconds', 'rate', 'iteration', 'run'].map((name) =>
  Number(options[name]),
);
const [portion, mostWaiting, sampleMs] = [64, 400, 1_000];
const program = fileURLToPath(new URL('./lib/scorer-process.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'segue-bench-'));
const children = [];
// Whatever ends this process ends them too.
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** @returns the child, and the first line of its output that `find` makes something of */
async function start(command, args, { stream, find, env = process.env }) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const other = stream === 'stdout' ? 'stderr' : 'stdout';
  child[other].resume();
  const found = new Promise((resolve, reject) => {
    createInterface({ input: child[stream] }).on('line', (line) => {
      const result = find(line);
      if (result) resolve(result);
    });
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
  });
  return { child, found: await found };
}

const tokenizer = createCharacterTokenizer('01.#:abc');
const policy = join(folder, 'policy');
await saveTokenizer(tokenizer, policy);
const problem = { id: 'p', purpose: 'train', prompt: 'abc:', answer: '1', scorer: 'exact', tags: [], difficulty: null };
const problems = [{ ...problem, promptTokens: tokenizer.encode('abc:'), metadata: {}, response: null }];
const meter = { promptTokens: 4, reprefillTokens: 0, startedAtMs: 1, endedAtMs: 2 };

/** A response of a heavy-tailed length in segments of 64 tokens, as a soak's. */
function trajectoryOf(id) {
  const index = Number(id.split('-t').at(-1));
  const dots = Math.min(240, Math.floor(40 / (0.07 + (index % 64) / 64)));
  const text = tokenizer.encode(`${'.'.repeat(dots)}#${index % 4 === 0 ? 0 : 1}`);
  const all = Int32Array.from([...text, tokenizer.special.eos ?? 0]);
  const segment = (at) => {
    const tokens = all.slice(at * 64, (at + 1) * 64);
    const behaviour = { tokens, logProbs: new Float32Array(tokens.length).fill(-0.5), origins: null, lossMask: null };
    const place = { id: `${id}-s${at}`, trajectoryId: id, index: at, attempt: 0, iteration: 0, policyVersion: 1 };
    return {
      ...place,
      ...behaviour,
      actorId: 'actor-0',
      prefixHash: 'aa'.repeat(16),
      endReason: 'stop',
      error: null,
      meter,
    };
  };
  const segments = Array.from({ length: Math.ceil(all.length / 64) }, (_, at) => segment(at));
  const { promptTokens } = problems[0];
  return { id, groupId: `${id}-g`, problemId: 'p', promptTokens, state: 'finished', segments, score: null };
}

const notServed = async () => {
  throw new SegueError('FAILED_PRECONDITION', 'this store is a few lines of a benchmark');
};
const counts = { attempts: 0, successes: 0, openGroups: 1, lastIteration: 0, givenUp: false, requeued: false };
const handlers = {
  ...Object.fromEntries(Object.keys(replayContract.methods).map((name) => [name, notServed])),
  async getRun({ runId }) {
    const sizes = { trainProblems: problems.length, evaluationProblems: 0, warmupProblems: 0 };
    const texts = { configJson: '{}', progressJson: '{}', error: '' };
    return { id: runId, state: 'running', createdAtMs: 1, revision: 1, ...sizes, ...texts };
  },
  async *listProblems() {
    for (const one of problems) yield { problem: one, ...counts };
  },
  async *getTrajectories({ trajectoryIds }) {
    for (const id of trajectoryIds) yield trajectoryOf(id);
  },
};

const natsArgs = ['--jetstream', '--store_dir', join(folder, 'nats'), '--addr', '127.0.0.1', '--port', '-1'];
const findAddress = (line) => /Listening for client connections on (\S+)/.exec(line)?.[1];
const nats = await start(await findNatsServer('.segue'), natsArgs, { stream: 'stderr', find: findAddress });
const natsUrl = `nats://${nats.found}`;
const bus = await connectBus({ url: natsUrl, name: 'bench' });
await bus.setUp();
const server = createServer({ maxMessageBytes: 2 ** 24 });
addService(server, replayContract, handlers);
const replay = `127.0.0.1:${await listen(server, '127.0.0.1', 0)}`;
const announce = (runId, version) =>
  bus.putActivePolicy({ runId, version, manifestSha256: '', folder: policy, trainerAddress: '' });

const scorers = [];
for (const growth of options.growth.split(',')) {
  const env = { ...process.env, ...memorySettings(process.env), SEGUE_NATS_URL: natsUrl };
  const settings = [`dataFolder=${join(folder, growth)}`, `peers.replay=${replay}`, 'logLevel=error'];
  const args = ['--id', `growth-${growth}`, '--port', '0', '--metrics-port', '0'];
  const own = [...args, ...settings.flatMap((setting) => ['--set', setting])];
  const find = (line) => JSON.parse(line);
  const { child, found } = await start(process.execPath, [program, '--growth', growth, ...own], {
    stream: 'stdout',
    find,
    env,
  });
  scorers.push({ growth, pid: child.pid, metricsAddress: found.metricsAddress, samples: [] });
}

const over = new AbortController();
const { signal } = over;
let [sent, done] = [0, 0];
const consuming = (async () => {
  for await (const lease of bus.consumeScores({ signal })) {
    done++;
    await lease.ack();
  }
})();
const beganAtMs = performance.now();
const feeding = (async () => {
  while (!signal.aborted) {
    if (sent - done > mostWaiting || sent > ((performance.now() - beganAtMs) / 1_000) * rate) {
      await pause(5);
      continue;
    }
    const runId = `bench-${Math.floor(sent / perRun)}`;
    if (sent % perIteration < portion) await announce(runId, 1 + Math.floor((sent % perRun) / perIteration));
    const tasks = Array.from({ length: portion }, (_, i) => ({
      runId,
      trajectoryId: `${runId}-t${sent + i}`,
      attempt: 0,
    }));
    await bus.publishRewardTasks(tasks);
    sent += portion;
  }
})();

while (performance.now() - beganAtMs < seconds * 1_000) {
  await pause(sampleMs);
  for (const { pid, metricsAddress, samples } of scorers) {
    const heap = await heapSample(metricsAddress);
    const { ownBytes } = await processSample(pid);
    if (heap) samples.push({ ownBytes, restBytes: ownBytes - heap.heapTotal - heap.external });
  }
}
over.abort();
await Promise.all([consuming, feeding]);

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
for (const { growth, pid, metricsAddress, samples } of scorers) {
  const text = await (await fetch(`http://${metricsAddress}/metrics`)).text();
  const judged = [...text.matchAll(/^segue_reward_tasks_total\{outcome="(?:ok|wrong)".*\} (\d+)$/gm)];
  const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number);
  const quarter = (at, key) => {
    const part = samples.slice(Math.floor((at * samples.length) / 4), Math.floor(((at + 1) * samples.length) / 4));
    return Math.round((mean(part.map((sample) => sample[key])) / 2 ** 20) * 10) / 10;
  };
  const row = {
    growth,
    verdicts: judged.reduce((sum, [, count]) => sum + Number(count), 0),
    processorSeconds: (ticks[0] + ticks[1]) / 100,
    ownMiB: [quarter(1, 'ownBytes'), quarter(3, 'ownBytes')],
    restMiB: [quarter(1, 'restBytes'), quarter(3, 'restBytes')],
  };
  const { verdicts, processorSeconds, ownMiB, restMiB } = row;
  const told = `growth ${growth}: ${verdicts} verdicts, ${processorSeconds} s of processor time; MiB in the second and last quarter: ${ownMiB.join(' -> ')}, of it not V8's ${restMiB.join(' -> ')}`;
  process.stdout.write(`${options.json ? JSON.stringify(row) : told}\n`);
}
for (const child of children) child.removeAllListeners('exit');
for (const child of children.toReversed()) {
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill(child === nats.child ? 'SIGKILL' : 'SIGTERM');
  await gone;
}
await bus.close().catch(() => {});
await stopServer(server, 1_000);
rmSync(folder, { recursive: true, force: true });
