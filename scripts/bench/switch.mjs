/**
 * A device that changes hands: `npm run bench -- switch [--json] [--sizes 1m,25m,100m,500m] [--iterations 3] [--threads 2] [--picture FILE.svg]`. A real run
 * on a colocated local cluster per size, with random weights: each iteration generates one token per response, trains one step, and so hands the device
 * over twice. In ms, medians over the iterations and the slowest. To rollout: from the last update's end in the trainer to the first token of the next
 * iteration. To training: from the closed rollout phase to a training engine that has the weights. With them, what each engine held in memory and what
 * was left. The picture shows both against the size.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { median } from './lib/alternate.mjs';
import { promptText, trainProblem, withBenchCluster } from './lib/cluster-run.mjs';
import { drawCurves } from './lib/curve-picture.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    sizes: { type: 'string', default: '1m,25m,100m,500m' },
    iterations: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    picture: { type: 'string' },
  },
});
const sizes = {
  '1m': { shape: 'small', millions: 0.8 },
  '25m': { shape: 'large', millions: 25.7 },
  '100m': { shape: 'medium', millions: 100 },
  '500m': { shape: '0.5b', millions: 494 },
};
/** The first change of hands begins in no training. */
const warmUpIterations = 1;
const iterations = warmUpIterations + Number(options.iterations);
const promptTokens = 4;
/** A full batch: the one that an actor compiles for before the first task. */
const slots = 16;
const groups = 4;
const config = {
  iterations,
  rollout: {
    groupsPerIteration: groups,
    groupSize: slots / groups,
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
    settings: { actor: [`slots=${slots}`, `threads=${options.threads}`], trainer: [`threads=${options.threads}`] },
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
  writeMs: '  weights written and summed',
  trainerReleaseMs: '  trainer ended, memory free',
  loadMs: '  taken, mapped, checked, compiled, served',
  toTrainingMs: 'to training: rollout closed to an engine that trains',
  actorReleaseMs: '  actor ended, memory free',
  openMs: '  device taken, weights read',
};
const mebibytes = (bytes) => Math.round(bytes / 2 ** 20);

function summaryOf(turns) {
  return Object.fromEntries(
    Object.keys(names).map((key) => {
      const times = turns.map((one) => one[key]).filter((time) => time !== null);
      return [key, { median: Math.round(median(times)), max: Math.round(Math.max(...times)) }];
    }),
  );
}

function memoryOf(turns) {
  const largest = (key) => mebibytes(Math.max(...turns.map((one) => one[key] ?? 0)));
  return {
    actorMiB: largest('actorResidentBytes'),
    actorLeftMiB: largest('actorLeftBytes'),
    trainerMiB: largest('trainerResidentBytes'),
  };
}

function tell(name, turns, summary, memory) {
  const lines = [`${name}, ${turns.length} iterations; ms`];
  for (const [key, text] of Object.entries(names)) {
    lines.push(`${text.padEnd(56)} median ${summary[key].median}, slowest ${summary[key].max}`);
  }
  const { actorMiB, actorLeftMiB, trainerMiB } = memory;
  lines.push(`resident, MiB: actor ${actorMiB} (left ${actorLeftMiB}), trainer ${trainerMiB}`);
  process.stdout.write(`${lines.join('\n')}\n`);
}

function picture() {
  const x = { base: 10, name: (millions) => `${millions} M`, title: 'parameters' };
  const panel = (title, keys) => ({
    title,
    x,
    yName: (ms) => `${ms} ms`,
    curves: keys.map(([key, color, text]) => ({
      color,
      text,
      points: measured.map(({ millions, summary }) => ({ x: millions, y: Math.max(1, summary[key].median) })),
    })),
  });
  return drawCurves('A device that changes hands: time against size', [
    panel('to rollout', [
      ['toRolloutMs', '#1f77b4', 'all'],
      ['writeMs', '#ff7f0e', 'written'],
      ['loadMs', '#2ca02c', 'loaded'],
      ['trainerReleaseMs', '#9467bd', 'trainer ended'],
    ]),
    panel('to training', [
      ['toTrainingMs', '#1f77b4', 'all'],
      ['openMs', '#2ca02c', 'taken and read'],
      ['actorReleaseMs', '#9467bd', 'actor ended'],
    ]),
  ]);
}

const measured = [];
for (const name of options.sizes.split(',')) {
  const size = sizes[name];
  if (!size) throw new Error(`there is no size ${name}; known: ${Object.keys(sizes).join(', ')}`);
  const turns = await turnsOf(size.shape);
  const [summary, memory] = [summaryOf(turns), memoryOf(turns)];
  measured.push({ millions: size.millions, summary });
  if (options.json) process.stdout.write(`${JSON.stringify({ size: name, ...summary, ...memory, each: turns })}\n`);
  else tell(name, turns, summary, memory);
}
if (options.picture) await writeFile(options.picture, picture());
