/**
 * What the cluster costs while it generates: `npm run bench -- cluster [--json] [--size large] [--slots 32] [--chunk 32] [--groups 16]
 * [--group-size 8] [--response 256] [--stops N] [--rounds 3]`. The same trajectories (ids, prompts, seeds, budgets, stop tokens) under the same
 * weights, chunks and refill, once by the bare engine in this process and once by an actor of a local cluster: nats-server, store, controller and
 * scorer, each segment committed. In turn, round by round; each round a new run with one iteration that trains nothing. Tokens per second from
 * the first sequence's begin to the last one's end, and in how many trajectories the tokens agree. Where the rest goes: the share of that time in
 * which the actor's engine ran chunks, how full its slots were, and tokens per second of processor time of its engine's thread, each against the bare
 * engine's; what every process took of a processor during the run; and the limit that follows from it: beside an engine that has a core to itself all
 * the others need `servicesOverEngine` cores, so that on fewer than `coresNeeded` the ratio is at most `onTheseCores`, and with as many at most
 * `withEnoughCores`, what the engine's thread generates per second of its own processor time. Beside busy neighbours the cluster, which needs more than one core, loses
 * more than the engine does: look at the load first.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { hashTokens, parseRunConfig } from '@segue/core';
import { LocalEngine } from '@segue/engine';
import { loadTokenizer } from '@segue/tokenizer';
import { RunSettings } from '../../packages/actor/dist/run-settings.js';
import { alternate, median, ratio, short } from './lib/alternate.mjs';
import { promptText, segmentsOf, trainProblem, withBenchCluster } from './lib/cluster-run.mjs';
import { threadTimes, timesBetween } from './lib/processor-time.mjs';
import { sequenceRequest } from './lib/requests.mjs';
import { modelOf } from './lib/sizes.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: 'large' },
    slots: { type: 'string', default: '32' },
    chunk: { type: 'string', default: '32' },
    groups: { type: 'string', default: '16' },
    'group-size': { type: 'string', default: '8' },
    /** Longest response. */
    response: { type: 'string', default: '256' },
    /** Single tokens that end a response, beside the end-of-sequence token: more of them, shorter responses. */
    stops: { type: 'string' },
    rounds: { type: 'string', default: '3' },
  },
});
const [slots, chunkTokens, groups, groupSize, response, rounds] = [
  'slots',
  'chunk',
  'groups',
  'group-size',
  'response',
  'rounds',
].map((name) => Number(options[name]));
/** One token in 256 ends a response, as far as the vocabulary has that many. */
const stops = Number(options.stops ?? Math.max(0, Math.round(modelOf(options.size, 1).vocabularySize / 256) - 1));
const promptTokens = 32;
const seed = 1;
const config = {
  seed,
  iterations: 1,
  rollout: {
    groupsPerIteration: groups,
    groupSize,
    overSampling: 1,
    partial: false,
    tokenBudget: response,
    maxResponseTokens: response,
    maxPromptTokens: promptTokens + 1,
    stop: [...promptText(stops, 0)],
  },
  evaluation: { everyIterations: 0 },
};
const problems = Array.from({ length: groups }, (_, i) => trainProblem(i, promptText(promptTokens, i)));

/** The trajectories of a run in the order of its plan. */
function inOrder(records) {
  const indexes = ({ summary }) => summary.id.match(/\d+/g).map(Number);
  const place = (record) => {
    const [, group, member] = indexes(record);
    return group * groupSize + member;
  };
  return [...records].sort((a, b) => place(a) - place(b));
}

/** What an actor asks its engine for, of every trajectory of a run. */
async function requestsOf(client, records, tokenizer) {
  const settings = new RunSettings(parseRunConfig(config, 'bench'));
  const requests = [];
  for (const {
    summary: { id },
  } of inOrder(records)) {
    const { promptTokens } = await client.trajectory(id);
    requests.push(
      sequenceRequest(
        { id, promptKey: hashTokens(promptTokens), promptTokens, tokens: response },
        { seed, stopTokens: settings.stopTokens(tokenizer), lastSpan: true, repeat: settings.repeat },
      ),
    );
  }
  return requests;
}

/** Generates all of them: free slots are filled again between two chunks, in order. */
async function generate(folder, requests) {
  const engine = new LocalEngine({ slots, chunkTokens });
  await engine.loadVersion({ version: 0, folder });
  const results = new Map();
  const busy = { chunkMs: 0, steps: 0, tokens: 0 };
  const waiting = [...requests];
  const cpu = process.cpuUsage();
  const beganAtMs = performance.now();
  for (let running = 0; running > 0 || waiting.length > 0; ) {
    await engine.admit(waiting.splice(0, slots - running));
    const report = await engine.generateChunk();
    for (const result of report.finished) results.set(result.id, result);
    running = report.running;
    busy.chunkMs += report.durationMs;
    busy.steps += report.steps;
    busy.tokens += report.tokens;
  }
  const ms = performance.now() - beganAtMs;
  const { user, system } = process.cpuUsage(cpu);
  await engine.stop();
  return { ms, results, busy, engineCpuMs: (user + system) / 1000 };
}

function describe({ tokens, ms, busy, engineCpuMs }) {
  return {
    tokensPerCpuSecond: (1000 * tokens) / engineCpuMs,
    tokensPerSecond: (1000 * tokens) / ms,
    chunkShare: busy.chunkMs / ms,
    fullSlots: busy.tokens / (busy.steps * slots),
  };
}

const processes = ['actor-0', 'replay', 'controller', 'reward', 'trainer', 'nats'];
const settings = { actor: [`slots=${slots}`, `chunkTokens=${chunkTokens}`, 'logLevel=debug'] };
const cluster = { size: options.size, maxPositions: promptTokens + response + 1, actors: 1, settings };
const found = await withBenchCluster(cluster, async ({ client, policyFolder, run, pid, readLog }) => {
  const tokenizer = await loadTokenizer(policyFolder);
  const rows = { cluster: [], bare: [] };
  const shares = [];
  let [agreeing, count, lengths, round] = [0, 0, [], 0];
  let records = [];
  await alternate(
    {
      cluster: async () => {
        const beganAtMs = Date.now();
        const before = await Promise.all(processes.map((name) => threadTimes(pid(name))));
        records = await run(`bench-${++round}`, config, problems);
        const segments = segmentsOf(records);
        lengths = segments.map((s) => s.tokenCount);
        const tokens = lengths.reduce((sum, n) => sum + n, 0);
        const ms = Math.max(...segments.map((s) => s.endedAtMs)) - Math.min(...segments.map((s) => s.startedAtMs));
        const chunks = (await readLog('actor-0')).filter(({ msg, atMs }) => msg === 'a chunk' && atMs >= beganAtMs);
        const busy = { chunkMs: 0, steps: 0, tokens };
        for (const { durationMs, steps } of chunks) {
          busy.chunkMs += durationMs;
          busy.steps += steps;
        }
        const after = await Promise.all(processes.map((name) => threadTimes(pid(name))));
        const times = processes.map((_, i) => timesBetween(before[i], after[i]));
        const [[engineCpuMs, ...besideEngine], ...others] = times;
        const sum = (list) => list.reduce((total, one) => total + one, 0);
        rows.cluster.push(describe({ tokens, ms, busy, engineCpuMs }));
        const runMs = Date.now() - beganAtMs;
        shares.push([engineCpuMs, sum(besideEngine), ...others.map(sum)].map((one) => one / runMs));
        return 0;
      },
      bare: async () => {
        const { ms, results, busy, engineCpuMs } = await generate(
          policyFolder,
          await requestsOf(client, records, tokenizer),
        );
        rows.bare.push(describe({ tokens: busy.tokens, ms, busy, engineCpuMs }));
        for (const { id } of records.map(({ summary }) => summary)) {
          const { segments } = await client.trajectory(id);
          const bare = results.get(id).tokens;
          count++;
          if (Buffer.from(bare.buffer).equals(Buffer.from(Int32Array.from(segments[0].tokens).buffer))) agreeing++;
        }
        return 0;
      },
    },
    rounds,
  );
  // The first round warms up.
  for (const row of [...Object.values(rows), shares]) row.shift();
  return { rows, agreeing, count, lengths, shares };
});

const summary = ({ rows, agreeing, count, lengths, shares }) => {
  const of = (name, key) => rows[name].map((row) => row[key]);
  const sorted = [...lengths].sort((a, b) => a - b);
  return {
    size: options.size,
    slots,
    chunkTokens,
    trajectories: lengths.length,
    tokens: {
      mean: short(lengths.reduce((sum, n) => sum + n, 0) / lengths.length),
      median: median(sorted),
      longest: sorted.at(-1),
    },
    bareTokensPerSecond: short(median(of('bare', 'tokensPerSecond'))),
    clusterTokensPerSecond: short(median(of('cluster', 'tokensPerSecond'))),
    ratio: short(ratio(of('cluster', 'tokensPerSecond'), of('bare', 'tokensPerSecond'))),
    ratios: of('cluster', 'tokensPerSecond').map((value, i) => short(value / of('bare', 'tokensPerSecond')[i])),
    chunkShare: { bare: short(median(of('bare', 'chunkShare'))), cluster: short(median(of('cluster', 'chunkShare'))) },
    fullSlots: { bare: short(median(of('bare', 'fullSlots'))), cluster: short(median(of('cluster', 'fullSlots'))) },
    perCpuSecond: {
      bare: short(median(of('bare', 'tokensPerCpuSecond'))),
      cluster: short(median(of('cluster', 'tokensPerCpuSecond'))),
      ratio: short(ratio(of('cluster', 'tokensPerCpuSecond'), of('bare', 'tokensPerCpuSecond'))),
    },
    processorShare: Object.fromEntries(
      ['engine thread', "actor's other threads", ...processes.slice(1)].map((name, i) => [
        name,
        short(median(shares.map((share) => share[i]))),
      ]),
    ),
    agreeing: `${agreeing} of ${count}`,
  };
};

/** What the ratio could be at best: on this machine's cores, were they shared without a gap, and with a core for everybody who needs one. */
function limitOf({ rows, shares }) {
  const servicesOverEngine = median(shares.map(([engine, ...others]) => others.reduce((a, b) => a + b) / engine));
  const perCpu = (name) => rows[name].map(({ tokensPerCpuSecond }) => tokensPerCpuSecond);
  const withEnoughCores = Math.min(1, ratio(perCpu('cluster'), perCpu('bare')));
  const coresNeeded = 1 + servicesOverEngine;
  const onTheseCores = withEnoughCores * Math.min(1, availableParallelism() / coresNeeded);
  return Object.fromEntries(
    Object.entries({ servicesOverEngine, coresNeeded, onTheseCores, withEnoughCores }).map(([key, value]) => [
      key,
      short(value),
    ]),
  );
}

const result = { ...summary(found), limit: limitOf(found) };
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key}: ${JSON.stringify(value)}\n`);
