/**
 * A whole run on a local cluster, for benchmarks: real processes over a real nats-server, in a temporary folder. The policy has one of the shared
 * sizes and random weights; its tokenizer has a character for every token.
 */
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';
import { defaultClusterOptions } from '../../../packages/cli/dist/cluster/local-cluster.js';
import { withLocalCluster } from '../../../packages/cli/dist/run/with-cluster.js';
import { writeRandomPolicy } from './random-policy.mjs';
import { modelOf } from './sizes.mjs';

/** First of the characters that stand for tokens. */
const firstCharacter = 0x4e00;
const specialTokens = 3;

/** A text of `count` characters of the alphabet. @param {number} seed */
export function promptText(count, seed) {
  const codes = Array.from({ length: count }, (_, i) => firstCharacter + ((i * 7 + seed * 13) % 50));
  return String.fromCodePoint(...codes);
}

/** A problem to train on. Nothing that random weights write is right. */
export function trainProblem(index, prompt) {
  return {
    id: `p${index}`,
    purpose: 'train',
    prompt,
    promptTokens: null,
    answer: 'none',
    scorer: 'exact',
    tags: [],
    difficulty: null,
    metadata: {},
    response: null,
  };
}

/** Writes a policy with its tokenizer. @param {string} size one of the shared sizes */
async function writePolicy(folder, size, maxPositions) {
  const config = { ...modelOf(size, maxPositions), bosTokenId: 1, eosTokenIds: [2] };
  await writeRandomPolicy(folder, config);
  const characters = Array.from({ length: config.vocabularySize - specialTokens }, (_, i) => firstCharacter + i);
  await saveTokenizer(createCharacterTokenizer(characters.map((code) => String.fromCodePoint(code)).join('')), folder);
}

/**
 * A local cluster around some work.
 * @param {object} options
 * @param {string} options.size of the policy
 * @param {number} options.maxPositions of the policy
 * @param {number} options.actors
 * @param {Partial<Record<string, string[]>>} [options.settings] of services, as `key=value`
 * @param {boolean} [options.colocated] trainer and actor take turns on one device
 * @param {Partial<Record<string, string>>} [options.entries] programs to start in place of the services' own
 * @param {(access: object) => Promise<T>} use given the policy's folder, a client, a way to run a run to its end, the process id
 *   by name, and a way to read a process's log
 * @template T
 */
export async function withBenchCluster(
  { size, maxPositions, actors, settings = {}, entries = {}, colocated = false },
  use,
) {
  const folder = await mkdtemp(join(tmpdir(), 'segue-bench-'));
  try {
    const policyFolder = join(folder, 'policy');
    await writePolicy(policyFolder, size, maxPositions);
    const dataFolder = join(folder, 'data');
    await mkdir(dataFolder);
    const options = { ...defaultClusterOptions, dataFolder, actors, settings, entries, colocated };
    const tell = (text) => void process.stderr.write(`${text}\n`);
    return await withLocalCluster(options, tell, ({ client, cluster, interrupt }) => {
      const run = (runId, config, problems, follow) =>
        runToEnd(client, interrupt.signal, runId, { ...config, policy: { from: policyFolder } }, problems, follow);
      const pid = (name) => cluster.child(name).pid;
      return use({
        policyFolder,
        client,
        run,
        pid,
        readLog: (name) => readLog(join(dataFolder, 'logs', `${name}.log`)),
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @param follow begun with the run, awaited after its end @returns the trajectories of the finished run */
async function runToEnd(client, signal, runId, config, problems, follow = async () => {}) {
  await client.createRun(runId, config);
  await client.submitProblems(runId, 'problems', problems);
  await client.resumeRun(runId);
  const following = follow();
  await client.waitForRun(runId, { signal });
  await following;
  const trajectories = [];
  for await (const record of client.trajectories(runId)) trajectories.push(record);
  return trajectories;
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
