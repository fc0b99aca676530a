/**
 * What the services take of the processors for one segment: `npm run bench -- services [--json] [--iterations 12] [--groups 48] [--budget 96]
 * [--actors 2] [--profile FOLDER]`. A local cluster rolls out with the demo's shape of policy (random weights, so that no group is worth training and
 * phase follows phase), groups of eight, and partial rollouts: about a quarter of the segments go on from an earlier one. Printed are milliseconds of
 * processor time per segment by process, over all iterations but the first two; the engines' threads apart. With `--profile` each service leaves a
 * profile of its main thread there, to be opened in Chrome's developer tools.
 */
import { parseArgs } from 'node:util';
import { short } from './lib/alternate.mjs';
import { promptText, segmentsOf, trainProblem, withBenchCluster } from './lib/cluster-run.mjs';
import { threadTimes, timesBetween } from './lib/processor-time.mjs';
import { profiledEntries } from './lib/profiled.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    iterations: { type: 'string', default: '12' },
    groups: { type: 'string', default: '48' },
    budget: { type: 'string', default: '96' },
    actors: { type: 'string', default: '2' },
    profile: { type: 'string' },
  },
});
const [iterations, groups, budget, actors] = ['iterations', 'groups', 'budget', 'actors'].map((name) =>
  Number(options[name]),
);
/** Services and codes are warm from here on. */
const firstCounted = 2;
const promptTokens = 12;
const response = 256;
const config = {
  seed: 1,
  iterations,
  rollout: {
    groupsPerIteration: groups,
    groupSize: 8,
    overSampling: 1,
    tokenBudget: budget,
    maxResponseTokens: response,
    maxPromptTokens: promptTokens + 1,
  },
  evaluation: { everyIterations: 0 },
};
const problems = Array.from({ length: groups * iterations }, (_, i) => trainProblem(i, promptText(promptTokens, i)));

const actorNames = Array.from({ length: actors }, (_, i) => `actor-${i}`);
const names = ['nats', 'replay', 'controller', 'reward', 'trainer', ...actorNames];
const sum = (list) => list.reduce((total, one) => total + one, 0);

const cluster = {
  size: 'demo',
  maxPositions: promptTokens + response + 1,
  actors,
  ...(options.profile === undefined ? {} : { entries: await profiledEntries(options.profile) }),
};
const found = await withBenchCluster(cluster, async ({ client, run, pid }) => {
  const look = () => Promise.all(names.map((name) => threadTimes(pid(name))));
  let [before, after] = [null, null];
  const phases = [];
  const follow = async () => {
    for await (const { kind, body } of client.watchRun('bench', { fromStart: true })) {
      if (kind !== 'iteration') continue;
      if (body.iteration === firstCounted - 1) before = await look();
      if (body.iteration >= firstCounted) phases.push(body);
      if (body.iteration === iterations - 1) after = await look();
    }
  };
  const records = await run('bench', config, problems, follow);
  const segments = segmentsOf(records).filter(({ iteration }) => iteration >= firstCounted);
  const spent = names.map((_, i) => timesBetween(before[i], after[i]));
  return { segments, phases, spent };
});

const { segments, phases, spent } = found;
const perSegment = (ms) => short(ms / segments.length);
const isActor = (name) => actorNames.includes(name);
const byProcess = names.map((name, i) => [name, isActor(name) ? sum(spent[i].slice(1)) : sum(spent[i])]);
const tokens = sum(segments.map(({ tokenCount }) => tokenCount));
const result = {
  segments: segments.length,
  resumed: segments.filter(({ index }) => index > 0).length,
  tokens: { mean: short(tokens / segments.length) },
  /** Milliseconds of processor time per segment. */
  perSegment: {
    ...Object.fromEntries(byProcess.map(([name, ms]) => [name, perSegment(ms)])),
    services: perSegment(sum(byProcess.map(([, ms]) => ms))),
    engines: perSegment(sum(names.map((name, i) => (isActor(name) ? spent[i][0] : 0)))),
  },
  /** Means per iteration, by the clock. */
  rolloutMs: short(sum(phases.map(({ rolloutMs }) => rolloutMs)) / phases.length),
  closeMs: short(sum(phases.map(({ closeMs }) => closeMs)) / phases.length),
  wallMs: short(sum(phases.map(({ wallMs }) => wallMs)) / phases.length),
  actorIdleShare: short(sum(phases.map(({ actorIdleShare }) => actorIdleShare)) / phases.length),
};
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else for (const [key, value] of Object.entries(result)) process.stdout.write(`${key}: ${JSON.stringify(value)}\n`);
