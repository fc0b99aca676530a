/**
 * New weights, from the trainer to the first token: `npm run bench -- weights [--json] [--size large] [--versions 8] [--actors 2] [--prepare true]
 * [--pack true]`. A real run on a local cluster of this host: each iteration trains one step and writes a version; every response has one token,
 * so that a segment ends with its first. Times in ms, medians over the versions and the slowest: what happens before the version is published
 * (last update to staged and checksummed in the trainer; read, checked and compiled in the actors), and from its publication (the controller's
 * put into the bucket) until each actor serves it, begins a sequence, and has its first token. The first versions warm the processes up and are left out.
 */
import { parseArgs } from 'node:util';
import { median } from './lib/alternate.mjs';
import { promptText, segmentsOf, trainProblem, withBenchCluster } from './lib/cluster-run.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: 'large' },
    versions: { type: 'string', default: '8' },
    actors: { type: 'string', default: '2' },
    /** Actors make a version ready before it is published. */
    prepare: { type: 'string', default: 'true' },
    /** Decode graphs hold a copy of the weights that multiplies faster. */
    pack: { type: 'string', default: 'true' },
  },
});
const [versions, actorCount] = [Number(options.versions), Number(options.actors)];
const warmUpVersions = 2;
const promptTokens = 16;
/** Enough for every actor to get some: each takes one task at a time with so few slots. */
const slots = 4;
const groups = 2 * actorCount;

const config = {
  // The last iteration's version is published, but nothing is generated under it.
  iterations: warmUpVersions + versions,
  rollout: {
    groupsPerIteration: groups,
    groupSize: slots,
    overSampling: 1,
    partial: false,
    tokenBudget: 1,
    maxResponseTokens: 1,
  },
  train: { keepEqualGroups: true, learningRate: 1e-6 },
  evaluation: { everyIterations: 0 },
};
const problems = Array.from({ length: 64 }, (_, i) => trainProblem(i, promptText(promptTokens, i)));
const actors = Array.from({ length: actorCount }, (_, i) => `actor-${i}`);

const { trajectories, logs } = await withBenchCluster(
  {
    size: options.size,
    maxPositions: 512,
    actors: actorCount,
    settings: { actor: [`slots=${slots}`, `prepareVersions=${options.prepare}`, `packWeights=${options.pack}`] },
  },
  async ({ run, readLog }) => {
    const trajectories = await run('bench-1', config, problems);
    const logs = {};
    for (const name of ['controller', 'trainer', ...actors]) logs[name] = await readLog(name);
    return { trajectories, logs };
  },
);

const segments = segmentsOf(trajectories);
const line = (log, message, version) => log.find((entry) => entry.msg === message && entry.version === version);

function timesOf(version) {
  const active = line(logs.controller, 'a policy version is active', version);
  const publishedAtMs = active.atMs - active.activateMs + active.prepareMs;
  const own = actors.map((name) => segments.filter((s) => s.policyVersion === version && s.actorId === name));
  if (own.some((of) => of.length === 0)) return null;
  const slowest = (times) => Math.max(...times) - publishedAtMs;
  return {
    stageMs: line(logs.trainer, 'a version is ready', version).metrics.saveMs,
    prepareMs: active.prepareMs,
    servedMs: slowest(actors.map((name) => line(logs[name], 'a policy version is served', version).atMs)),
    begunMs: slowest(own.map((of) => Math.min(...of.map((s) => s.startedAtMs)))),
    firstTokenMs: slowest(own.map((of) => Math.min(...of.map((s) => s.endedAtMs)))),
  };
}

const measured = Array.from({ length: versions }, (_, i) => timesOf(warmUpVersions + i)).filter(
  (times) => times !== null,
);
if (measured.length === 0) throw new Error('no version has been used by every actor: try more versions');
const summary = Object.fromEntries(
  Object.keys(measured[0]).map((key) => {
    const times = measured.map((one) => one[key]);
    return [key, { median: Math.round(median(times)), max: Math.round(Math.max(...times)) }];
  }),
);
if (options.json) {
  process.stdout.write(`${JSON.stringify({ ...options, measured: measured.length, ...summary, each: measured })}\n`);
} else {
  const names = {
    stageMs: 'before: trainer writes, syncs and checksums it',
    prepareMs: 'before: every actor reads, checks and compiles it',
    servedMs: 'published to served by every actor',
    begunMs: 'published to the first sequence of every actor',
    firstTokenMs: 'published to the first token of every actor',
  };
  process.stdout.write(`${options.size}, ${actorCount} actors, ${measured.length} versions; ms\n`);
  for (const [key, name] of Object.entries(names)) {
    process.stdout.write(`${name.padEnd(52)} median ${summary[key].median}, slowest ${summary[key].max}\n`);
  }
}
