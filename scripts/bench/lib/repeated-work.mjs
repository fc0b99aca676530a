/**
 * The same sequences again and again on one device: prompts of several lengths, some rows resumed, more rows than slots, greedy ones among them. What a device computes of them must be the
 * same to the last bit, whenever it does; two versions take turns, each made ready between chunks of the other, as that is when most else changes. Processes that tell the same digest
 * computed the same bits. Knows nothing of what the right bits are: parity compares with a CPU.
 */
import { createHash } from 'node:crypto';
import { LocalEngine } from '@segue/engine';
import { short } from './alternate.mjs';
import { sequenceRequest } from './requests.mjs';

const sequences = 96;
const ownTokens = [12, 33, 47, 64, 20, 90, 100, 28];
const roundsPerLoad = 2;

function request(index, { vocabularySize }) {
  const group = index >> 3;
  const resumed = index % 5 === 4 ? 37 : 0;
  const cycle = (length, step, from) => Int32Array.from({ length }, (_, i) => (i * step + from) % vocabularySize);
  const tokens = resumed + ownTokens[(index * 3 + group) % ownTokens.length];
  const promptTokens = cycle(24 + (group % 3) * 9, 7, group * 13);
  return sequenceRequest(
    { id: `repeat-g${group}-t${index % 8}`, promptKey: `p${group}`, promptTokens, tokens },
    {
      responseTokens: cycle(resumed, 5, index),
      sampling: { temperature: index % 16 === 15 ? 0 : 1, topK: 0, topP: 1 },
    },
  );
}

/** @param next the version that is made ready after the first chunk, if any */
async function round(engine, config, next) {
  await engine.admit(Array.from({ length: sequences }, (_, index) => request(index, config)));
  const done = [];
  for (let isFirst = true; done.length < sequences; isFirst = false) {
    done.push(...(await engine.generateChunk()).finished);
    if (isFirst && next) await engine.prepareVersion(next);
  }
  return new Map(done.map((result) => [result.id, result]));
}

function digestOf(results) {
  const hash = createHash('sha256');
  for (const [id, { tokens, logProbs }] of [...results].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(id);
    for (const { buffer, byteOffset, byteLength } of [tokens, logProbs]) {
      hash.update(new Uint8Array(buffer, byteOffset, byteLength));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

/**
 * Counts what differs from the first round of the same weights.
 * @param folders of two policies of the same shape
 * @param config their model's
 * @param seconds at least; a round is not cut, and each has one
 */
export async function repeat({ folders, device, precision, seconds, config, threads }) {
  const engine = new LocalEngine({ slots: 32, waitingRoom: sequences, device, precision, threads });
  const total = { rounds: 0, differingRounds: 0, sequencesOff: 0, otherTokens: 0, max: 0 };
  const firstOf = new Map();
  const versionOf = (load) => ({ version: load, folder: folders[load % folders.length] });
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until || firstOf.size < folders.length) {
    const load = Math.floor(total.rounds / roundsPerLoad);
    const isLast = total.rounds % roundsPerLoad === roundsPerLoad - 1;
    if (total.rounds % roundsPerLoad === 0) await engine.loadVersion(versionOf(load));
    const results = await round(engine, config, isLast ? versionOf(load + 1) : null);
    const { folder } = versionOf(load);
    const first = firstOf.get(folder) ?? results;
    firstOf.set(folder, first);
    const offBefore = total.sequencesOff;
    for (const [id, { tokens, logProbs }] of results) {
      const expected = first.get(id);
      const token = tokens.findIndex((value, i) => value !== expected.tokens[i]);
      const upto = token < 0 ? tokens.length : token;
      const differences = Array.from(logProbs.subarray(0, upto), (value, i) => Math.abs(value - expected.logProbs[i]));
      const max = Math.max(0, ...differences);
      total.max = Math.max(total.max, max);
      if (token >= 0) total.otherTokens++;
      // What is no number differs from all.
      if (token >= 0 || !(max === 0)) total.sequencesOff++;
    }
    if (total.sequencesOff > offBefore) total.differingRounds++;
    total.rounds++;
  }
  await engine.stop();
  const digests = [...firstOf.values()].map(digestOf);
  return { ...total, max: short(total.max), digests: digests.join(' ') };
}
