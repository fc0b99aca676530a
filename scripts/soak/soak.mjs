/**
 * A real cluster on real work for a long time: one run after the other, and at even times a sample of what each process and each folder holds.
 * At the end the samples are judged. How that is shown is the business of whoever calls.
 *
 * Runs begin at even times, and a few pieces of work come again and again, so that each quarter has the same to do: what a cluster holds goes by how much it does in a
 * minute (ids of messages are known for a time) and by how long the responses are, and a machine that others use is now faster and now slower. A run that takes longer
 * than its time is counted as late.
 *
 * Disk is judged by what has a limit: the message server's streams (`max_age`, `max_bytes`), and what one run keeps of its policies (`keepVersions`;
 * actors of one machine read the trainer's), and what the store's file holds: runs that are over leave it but for the newest few (`retention.finishedRuns`). The
 * file itself never shrinks; it is as large as it had to be once, and judged by that. Logs stay; they grow, and are told. Memory is judged without the pages of mapped files: the store's are as many as it has data.
 */
import { appendFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pause } from '@segue/bus';
import { streamConfigs } from '../../packages/bus/dist/stream/subjects.js';
import { defaultClusterOptions } from '../../packages/cli/dist/cluster/local-cluster.js';
import { prepareRun } from '../../packages/cli/dist/run/session.js';
import { withLocalCluster } from '../../packages/cli/dist/run/with-cluster.js';
import { taskConfig, taskProblems } from '../chaos/task.mjs';
import { beats } from './beats.mjs';
import { fewestSamples, judge } from './judge.mjs';
import { isLate, patiently } from './patience.mjs';
import { ownHeap, storeSeries } from './sample.mjs';
import { startSampler } from './sampler.mjs';

const actors = ['actor-0', 'actor-1'];
const services = ['nats', 'replay', 'controller', 'trainer', 'reward', ...actors];
/** Of this process: it starts the others, holds their logs, and is the client. */
const ownName = 'supervisor and client';
/** Blocks of a bucket of nats-server; what was overwritten is on disk until its block is full. */
const blockBytes = 8 * 2 ** 20;
/** What a store that lives for months is told: of runs that are over it keeps these. */
const settings = { replay: ['retention.finishedRuns=3', 'retention.minAgeHours=0'] };
/** How much larger than what it held at most a file may be: pages that were freed apart from each other do not hold a row of several (docs/log.md: up to 1.45). */
const fileRoom = 1.5;
const samplesWanted = 240;
/** Seeds of runs before they come again: as different as responses are, and so few that a quarter of an hour has each of them twice (30 iterations, 20 a minute). */
const piecesOfWork = 5;
const fastestSampleMs = 1_000;

/**
 * @param {object} options
 * @param {number} options.minutes
 * @param {number} options.iterations of one run
 * @param {number} options.pace iterations in a minute; 0: as many as it can
 * @param {number} options.seed
 * @param {string} options.folder of all data, and of the samples (samples.jsonl)
 * @param {number} [options.stuckAfterMs] without an iteration
 * @param {(text: string) => void} options.tell
 * @param {(seen: { atMs: number, runId: string, iterations: number, sample: object }) => void} options.onSample
 */
export async function runSoak({ minutes, iterations, pace, seed, folder, stuckAfterMs = 300_000, tell, onSample }) {
  const beganAtMs = performance.now();
  const endsAtMs = beganAtMs + minutes * 60_000;
  const sampleMs = Math.max(fastestSampleMs, (minutes * 60_000) / samplesWanted);
  const samples = await openSamples(join(folder, 'samples.jsonl'));
  const seen = { runs: 0, late: 0, beginning: null, runId: '', iterations: 0, changedAtMs: beganAtMs, isResting: true };
  const runMs = pace === 0 ? 0 : (iterations / pace) * 60_000;

  return withLocalCluster(
    { ...defaultClusterOptions, dataFolder: folder, actors: actors.length, settings },
    tell,
    async (access) => {
      const { client, cluster, interrupt } = access;
      const over = new AbortController();
      const signal = AbortSignal.any([over.signal, interrupt.signal]);
      const pids = Object.fromEntries(services.map((name) => [name, cluster.child(name).pid]));
      const sampler = startSampler(folder);
      const working = work(client, { seed, iterations, runMs, seen, signal });
      // It is looked at below; until then its failure is nobody's.
      working.catch(() => over.abort());
      try {
        while (performance.now() < endsAtMs && !signal.aborted) {
          await pause(sampleMs, signal);
          if (signal.aborted) break;
          const sample = await sampleAll(sampler, pids, cluster, folder);
          await look(client, seen, stuckAfterMs);
          const at = { atMs: performance.now() - beganAtMs, runId: seen.runId, iterations: seen.iterations };
          await samples.add({ ...at, sample });
          onSample({ ...at, sample });
        }
      } finally {
        over.abort();
        await sampler.end();
      }
      await working;
      if (seen.runId !== '') await client.stopRun(seen.runId).catch(() => {});
      if (interrupt.requested) throw new Error('interrupted: nothing is judged');
      const all = await samples.read();
      return { minutes, pace, runs: seen.runs, late: seen.late, samples: all.length, ...judgeAll(all) };
    },
  );
}

/** Samples lie in a file until all are there: this process is one of those that are judged, and would grow by them. What the file held before stays. */
async function openSamples(file) {
  await mkdir(dirname(file), { recursive: true });
  await appendFile(file, '');
  const { size } = await stat(file);
  return {
    add: (seen) => appendFile(file, `${JSON.stringify(seen)}\n`),
    async read() {
      const lines = (await readFile(file)).subarray(size).toString().split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line).sample);
    },
  };
}

/** One run after the other until the signal, begun at even times; `seen` tells of it. @throws when one fails */
export async function work(client, { seed, iterations, runMs, seen, signal }) {
  for await (const late of beats(runMs, signal)) {
    const runId = `soak-${seen.runs}`;
    const pieceSeed = seed + (seen.runs % piecesOfWork);
    const config = taskConfig({ seed: pieceSeed, iterations, groups: 16 });
    const batch = { batchId: 'all', problems: taskProblems(pieceSeed) };
    Object.assign(seen, { beginning: runId, changedAtMs: performance.now(), isResting: false });
    await patiently(signal, async () => {
      await prepareRun(client, runId, config, [batch]);
      await client.resumeRun(runId);
    });
    Object.assign(seen, { runs: seen.runs + 1, late, runId, beginning: null });
    await patiently(signal, () => client.waitForRun(runId, { signal }));
    seen.isResting = true;
  }
}

/** @throws when what `work` tells of comes no further: a run that does not begin, or that has no iteration */
export async function look(client, seen, stuckAfterMs) {
  const { beginning, runId, isResting } = seen;
  // Between two runs nobody waits for anything.
  if (isResting) return;
  const isLong = () => performance.now() - seen.changedAtMs >= stuckAfterMs;
  if (beginning !== null) {
    if (isLong()) throw new Error(`run ${beginning} could not be begun for ${stuckAfterMs} ms`);
    return;
  }
  const { iterations } = await client.getRun(runId).catch((error) => {
    if (!isLate(error)) throw error;
    return seen;
  });
  if (runId !== seen.lookedAt || iterations !== seen.iterations) seen.changedAtMs = performance.now();
  Object.assign(seen, { lookedAt: runId, iterations });
  if (!isLong()) return;
  const { waiting } = await client.status(runId);
  throw new Error(
    `run ${runId} stands still in iteration ${iterations} for ${stuckAfterMs} ms; it waits for ${JSON.stringify(waiting)}`,
  );
}

/** Asks the sampler, and adds what this process alone knows of itself. @throws when a process is not the one it was */
async function sampleAll(sampler, pids, cluster, folder) {
  const services = Object.entries(pids).map(([name, pid]) => {
    const child = cluster.child(name);
    if (child.pid !== pid) throw new Error(`${name} ended and was started again: see its log in ${folder}`);
    return { name, pid, metricsAddress: child.address.metricsAddress };
  });
  const sample = await sampler.sample([{ name: ownName, pid: process.pid, metricsAddress: '' }, ...services]);
  sample.processes[ownName].heap = ownHeap();
  return sample;
}

/** What a stream may take on disk: its own limit, and a block that the server frees only as a whole. */
function streamLimit(what) {
  const stream = streamConfigs.find(({ name }) => what === `${name} on disk`);
  return (stream?.max_bytes ?? 0) + blockBytes;
}

/** Below which something may rise; null when it must stay level. */
function limitOf(process, what, samples) {
  if (process === 'nats') return streamLimit(what);
  if (what !== storeSeries.file) return null;
  return fileRoom * Math.max(...samples.map(({ kept }) => kept[process][storeSeries.inUse] ?? 0));
}

/** Which part of the memory rises, for who looks into it. A sample that did not come leaves a gap; too few tell nothing. */
function tellHeap(process, samples) {
  if (samples.filter((heap) => heap).length < fewestSamples) return [];
  const parts = [
    ['of it, objects', ({ heapUsed }) => heapUsed],
    ["of it, V8's room for them", ({ heapTotal }) => heapTotal],
    ['of it, buffers', ({ external }) => external],
  ];
  return parts.map(([what, part]) =>
    judge({ process, what, values: samples.map((heap) => (heap ? part(heap) : null)), told: true }),
  );
}

/** Every series of the samples, judged. One of which too few came is a failure of its own, and hides no other. */
export function judgeAll(samples) {
  const [first] = samples;
  const verdicts = [];
  for (const name of Object.keys(first?.processes ?? {})) {
    const of = (key) => samples.map(({ processes }) => processes[name][key]);
    verdicts.push(judge({ process: name, what: 'handles', values: of('handles'), constant: true }));
    verdicts.push(judge({ process: name, what: 'memory of its own', values: of('ownBytes') }));
    verdicts.push(...tellHeap(name, of('heap')));
  }
  for (const [name, series] of Object.entries(first?.kept ?? {})) {
    for (const what of Object.keys(series)) {
      // A folder that is not there holds nothing; what did not come is not known.
      const values = samples.map(({ kept }) => (kept[name][what] === null ? null : (kept[name][what] ?? 0)));
      const limit = limitOf(name, what, samples);
      verdicts.push(judge({ process: name, what, values, ...(limit !== null && { limit }) }));
    }
  }
  const growth = ([key, bytes]) => [key, samples.at(-1).grows[key] - bytes];
  return {
    verdicts,
    grew: Object.fromEntries(Object.entries(first?.grows ?? {}).map(growth)),
    failed: [...new Set(verdicts.filter(({ ok }) => !ok).map((verdict) => verdict.process))],
  };
}
