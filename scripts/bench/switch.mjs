/**
 * A device that changes hands: `npm run bench -- switch [--json] [--sizes 1m,25m,100m,500m] [--iterations 5] [--threads 2]`. A real run on a colocated local
 * cluster per size, with random weights: each iteration generates one token per response, trains one step, and so hands the device over twice. In ms,
 * medians over the iterations and the slowest. To rollout: from the last update's end in the trainer to the first token of the next iteration. To
 * training: from the closed rollout phase to a training engine that has the weights. With them, what each engine held in memory and what was left.
 */
import { parseArgs } from 'node:util';
import { median } from './lib/alternate.mjs';
import { promptText, trainProblem, withBenchCluster } from './lib/cluster-run.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '1m,25m,100m,500m' },
    iterations: { type: 'string', default: '5' },
    threads: { type: 'string', default: '2' },
  },
});
/** By number of parameters. */
const sizes = { '1m': 'small', '25m': 'large', '100m': 'medium', '500m': '0.5b' };
/** The first change of hands begins in no training; processes and pages are warm after the second. */
const warmUpIterations = 2;
const iterations = warmUpIterations + Number(options.iterations);
const promptTokens = 16;
const config = {
  iterations,
  rollout: {
    groupsPerIteration: 4,
    groupSize: 4,
    overSampling: 1,
    partial: false,
    tokenBudget: 1,
    maxResponseTokens: 1,
  },
  train: { keepEqualGroups: true, learningRate: 1e-6, updatesPerIteration: 1 },
  evaluation: { everyIterations: 0 },
};
const problems = Array.from({ length: 64 }, (_, i) => trainProblem(i, promptText(promptTokens, i)));

async function turnsOf(size) {
  const cluster = {
    size,
    maxPositions: 128,
    actors: 1,
    colocated: true,
    settings: { actor: ['slots=16', `threads=${options.threads}`] },
  };
  return withBenchCluster(cluster, async ({ client, run }) => {
    const turns = [];
    await run('bench-1', config, problems, async () => {
      for await (const event of client.watchRun('bench-1', { fromStart: true })) {
        if (event.kind === 'iteration' && event.body.turns) turns.push(event.body.turns);
      }
    });
    return turns.slice(warmUpIterations);
  });
}

const names = {
  toRolloutMs: 'to rollout: last update to first token',
  writeMs: '  weights written',
  trainerReleaseMs: '  trainer ended, memory free',
  loadMs: '  checked, compiled, served',
  toTrainingMs: 'to training: rollout closed to an engine that trains',
  actorReleaseMs: '  actor ended, memory free',
  openMs: '  device taken, weights read',
};
const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);

for (const name of options.sizes.split(',')) {
  const size = sizes[name];
  if (!size) throw new Error(`there is no size ${name}; known: ${Object.keys(sizes).join(', ')}`);
  const turns = await turnsOf(size);
  const summary = Object.fromEntries(
    Object.keys(names).map((key) => {
      const times = turns.map((one) => one[key]).filter((time) => time !== null);
      return [key, { median: Math.round(median(times)), max: Math.round(Math.max(...times)) }];
    }),
  );
  const largest = (key) => mebibytes(Math.max(...turns.map((one) => one[key] ?? 0)));
  const memory = {
    actorMiB: largest('actorResidentBytes'),
    actorLeftMiB: largest('actorLeftBytes'),
    trainerMiB: largest('trainerResidentBytes'),
  };
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ size: name, ...summary, ...memory, each: turns })}\n`);
    continue;
  }
  process.stdout.write(`${name}, ${turns.length} iterations; ms\n`);
  for (const [key, text] of Object.entries(names)) {
    process.stdout.write(`${text.padEnd(56)} median ${summary[key].median}, slowest ${summary[key].max}\n`);
  }
  process.stdout.write(
    `resident, MiB: actor ${memory.actorMiB} (left ${memory.actorLeftMiB}), trainer ${memory.trainerMiB}\n`,
  );
}
