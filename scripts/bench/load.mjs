/**
 * What submitting clients cost a run: `npm run bench -- load [--json] [--clients 64] [--batch 50] [--pause 1000] [--allowed 1] [--iterations 4] [--rounds 3] [--groups 16]`.
 * A run goes on on a real local cluster; in turn it is left alone for some iterations, and then N clients submit batches of problems to another run
 * over gRPC, each on its own connection, one batch after the other with a pause between (0: as fast as they can). Told: time of an iteration with and without
 * load, and the ratio round by round (the iteration in which the load begins or ends is left out); batches accepted, refusals with a retry time, and the time
 * from a batch's first try until it is in; resident memory of each process before, at most and after; the longest queues. The clients run in this process, on
 * the same machine: what they take of its cores they take from the run as well, and is told. The goal: an iteration at most 20 % longer, no process more than 256 MiB larger.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultClusterOptions } from '../../packages/cli/dist/cluster/local-cluster.js';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { withLocalCluster } from '../../packages/cli/dist/run/with-cluster.js';
import { taskConfig, taskProblems } from '../chaos/task.mjs';
import { processSample } from '../soak/sample.mjs';
import { median, ratio, short } from './lib/alternate.mjs';
import { cpuTimeMs } from './lib/cpu-time.mjs';
import { Submitters } from './lib/submitters.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    clients: { type: 'string', default: '64' },
    /** Problems in one batch. */
    batch: { type: 'string', default: '50' },
    /** Time of a client between two batches, in ms. */
    pause: { type: 'string', default: '1000' },
    /** Submissions that the controller takes in at once: its maxConcurrentSubmissions. */
    allowed: { type: 'string', default: '1' },
    /** In a row with, and in a row without load. */
    iterations: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    /** That an iteration of the run trains on. */
    groups: { type: 'string', default: '16' },
  },
});
const [clients, batch, pauseMs, iterations, rounds] = ['clients', 'batch', 'pause', 'iterations', 'rounds'].map(
  (name) => Number(options[name]),
);
const goals = { ratio: 1.2, grownBytes: 256 * 2 ** 20 };
const names = ['nats', 'replay', 'controller', 'trainer', 'reward', 'actor-0', 'actor-1'];
const looksEveryMs = 200;

/** Resident bytes of each process before and at most and, when it is stopped, after; and the longest queues. */
function watchMemory(cluster, client) {
  const memory = new Map(names.map((name) => [name, { before: 0, peak: 0, after: 0 }]));
  const queues = {};
  const look = async () => {
    for (const [name, seen] of memory) {
      const { memoryBytes } = await processSample(cluster.child(name).pid);
      seen.before ||= memoryBytes;
      seen.peak = Math.max(seen.peak, memoryBytes);
      seen.after = memoryBytes;
    }
    for (const { queue, pending, leased } of (await client.status('run')).queues) {
      queues[queue] = Math.max(queues[queue] ?? 0, pending + leased);
    }
  };
  let looking = look();
  const timer = setInterval(() => {
    looking = looking.then(look);
    // Whoever stops the watching hears of it.
    looking.catch(() => {});
  }, looksEveryMs);
  return async () => {
    clearInterval(timer);
    await looking;
    await look();
    return { memory: Object.fromEntries(memory), queues };
  };
}

async function measure({ client, cluster, interrupt }) {
  const problems = taskProblems(1);
  // One iteration of the run's beginning, and one at each change, are left out.
  const config = taskConfig({ seed: 1, iterations: 2 * rounds * (iterations + 1) + 1, groups: Number(options.groups) });
  await prepareRun(client, 'run', config, [{ batchId: 'all', problems }]);
  // It takes the load and is never begun, so that the run's own work stays the same.
  await prepareRun(client, 'load', taskConfig({ seed: 2, iterations: 1, groups: Number(options.groups) }), []);
  const submitters = new Submitters({
    ...{ address: cluster.controllerAddress, clients, runId: 'load', pauseMs },
    problems: Array.from({ length: batch }, (_, i) => problems[i % 200]),
  });
  const times = { quiet: [], load: [] };
  let seen = { accepted: 0, refused: 0, latenciesMs: [], askedMs: [] };
  let [current, endedAtMs, loadMs, loadBeganAtMs, ownCpuMs, cpuBefore] = [[], 0, 0, 0, 0, 0];
  let stopWatching = null;
  let isLoaded = false;
  await client.resumeRun('run');
  try {
    for await (const event of client.watchRun('run', { fromStart: true, signal: interrupt.signal })) {
      if (event.kind !== 'iteration') continue;
      stopWatching ??= watchMemory(cluster, client);
      if (endedAtMs > 0) current.push(event.atMs - endedAtMs);
      endedAtMs = event.atMs;
      if (current.length <= iterations) continue;
      // The first one began before the change.
      times[isLoaded ? 'load' : 'quiet'].push(median(current.slice(1)));
      current = [];
      if (isLoaded) {
        loadMs += performance.now() - loadBeganAtMs;
        ownCpuMs += cpuTimeMs() - cpuBefore;
        await submitters.end();
      } else if (times.load.length < rounds) {
        [loadBeganAtMs, cpuBefore] = [performance.now(), cpuTimeMs()];
        submitters.begin();
      }
      isLoaded = !isLoaded;
    }
    seen = submitters.take();
  } finally {
    await submitters.end();
    submitters.close();
  }
  const { memory, queues } = await stopWatching();
  return { times, seen, memory, queues, loadMs, ownCpuMs };
}

function summary({ times, seen, memory, queues, loadMs, ownCpuMs }) {
  const sorted = [...seen.latenciesMs].sort((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN);
  const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);
  const slower = ratio(times.load, times.quiet);
  const tooLarge = names.filter((name) => memory[name].peak - memory[name].before > goals.grownBytes);
  return {
    clients,
    batch,
    pauseMs,
    allowed: Number(options.allowed),
    iterationMs: { quiet: Math.round(median(times.quiet)), load: Math.round(median(times.load)) },
    ratio: short(slower),
    ratios: times.load.map((value, i) => short(value / times.quiet[i])),
    accepted: seen.accepted,
    refused: seen.refused,
    batchesPerSecond: short((1000 * seen.accepted) / loadMs),
    retryAfterMs: seen.askedMs.length === 0 ? null : Math.round(median(seen.askedMs)),
    latencyMs: { median: at(0.5), p95: at(0.95), longest: at(1) },
    processorOfClients: short(ownCpuMs / loadMs),
    memoryMiB: Object.fromEntries(names.map((name) => [name, Object.values(memory[name]).map(mebibytes).join(' -> ')])),
    longestQueues: queues,
    goals: {
      'at most 20 % longer': slower <= goals.ratio,
      'no process 256 MiB larger': tooLarge.length === 0 ? true : tooLarge,
    },
  };
}

const settings = { controller: [`maxConcurrentSubmissions=${options.allowed}`] };
const dataFolder = await mkdtemp(join(tmpdir(), 'segue-load-'));
try {
  const tell = (text) => void process.stderr.write(`${text}\n`);
  const result = summary(await withLocalCluster({ ...defaultClusterOptions, dataFolder, settings }, tell, measure));
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key}: ${JSON.stringify(value)}\n`);
} finally {
  await rm(dataFolder, { recursive: true });
}
