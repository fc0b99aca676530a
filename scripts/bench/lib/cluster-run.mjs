/**
 * A whole run on a local cluster, for benchmarks: real processes over a real nats-server, in a temporary folder. The policy has one of the shared
 * sizes and random weights; its tokenizer has a character for every token.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialParameters, parameterLayout, writeCheckpoint } from '@segue/engine';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';
import { defaultClusterOptions } from '../../../packages/cli/dist/cluster/local-cluster.js';
import { withLocalCluster } from '../../../packages/cli/dist/run/with-cluster.js';
import { modelOf } from './sizes.mjs';

/** First of the characters that stand for tokens. */
const firstCharacter = 0x4e00;
const specialTokens = 3;

/** A text of `count` characters of the alphabet. @param {number} seed */
export function promptText(count, seed) {
  const codes = Array.from({ length: count }, (_, i) => firstCharacter + ((i * 7 + seed * 13) % 50));
  return String.fromCodePoint(...codes);
}

/** Writes a policy with its tokenizer. @param {string} size one of the shared sizes */
export async function writePolicy(folder, size, maxPositions) {
  const config = { ...modelOf(size, maxPositions), bosTokenId: 1, eosTokenIds: [2] };
  const layout = parameterLayout(config);
  const characters = Array.from({ length: config.vocabularySize - specialTokens }, (_, i) => firstCharacter + i);
  await writeCheckpoint(folder, { config, layout, parameters: initialParameters(layout, 1) });
  await saveTokenizer(createCharacterTokenizer(characters.map((code) => String.fromCodePoint(code)).join('')), folder);
}

/**
 * Runs to the end and answers what it left: its events, its trajectories, and what its processes logged.
 * @param {object} options
 * @param {string} options.size of the policy
 * @param {number} options.maxPositions of the policy
 * @param {number} options.actors
 * @param {Partial<Record<string, string[]>>} [options.settings] of services, as `key=value`
 * @param {object} options.config of the run, without its policy
 * @param {object[]} options.problems
 */
export async function runOnCluster({ size, maxPositions, actors, settings = {}, config, problems }) {
  const folder = await mkdtemp(join(tmpdir(), 'segue-bench-'));
  const runId = 'bench-1';
  try {
    const from = join(folder, 'policy');
    await writePolicy(from, size, maxPositions);
    const dataFolder = join(folder, 'data');
    await mkdir(dataFolder);
    const tell = (text) => void process.stderr.write(`${text}\n`);
    const found = await withLocalCluster(
      { ...defaultClusterOptions, dataFolder, actors, settings },
      tell,
      async ({ client, interrupt }) => {
        await client.createRun(runId, { ...config, policy: { from } });
        await client.submitProblems(runId, 'problems', problems);
        await client.resumeRun(runId);
        const events = [];
        for await (const event of client.watchRun(runId, { fromStart: true, signal: interrupt.signal }))
          events.push(event);
        const run = await client.getRun(runId);
        if (run.state !== 'finished') throw new Error(`the run is ${run.state}: ${run.error}`);
        const trajectories = [];
        for await (const record of client.trajectories(runId)) trajectories.push(record);
        return { events, trajectories };
      },
    );
    const names = ['controller', 'trainer', ...Array.from({ length: actors }, (_, i) => `actor-${i}`)];
    const logs = {};
    for (const name of names) logs[name] = await readLog(join(dataFolder, 'logs', `${name}.log`));
    return { ...found, logs };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The lines of a log, each with its time in `atMs`. */
async function readLog(path) {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line)).map((line) => ({ ...line, atMs: Date.parse(line.at) }));
}

/** Every segment of a run, with its number of tokens. */
export function segmentsOf(trajectories) {
  return trajectories.flatMap(({ segments, tokenCounts }) =>
    segments.map((segment, i) => ({ ...segment, ...segment.meter, tokenCount: tokenCounts[i] })),
  );
}
