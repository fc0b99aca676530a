/**
 * The same sequences again and again on one device: prompts of several lengths, some rows resumed, more rows than slots, greedy ones among them. What a device computes of them must be the
 * same to the last bit, whenever it does; a version is loaded anew every few rounds, as that is when most else changes. Knows nothing of what the right bits are: parity compares with a CPU.
 */
import { LocalEngine } from '@segue/engine';
import { short } from './alternate.mjs';
import { sequenceRequest } from './requests.mjs';

const sequences = 96;
const ownTokens = [12, 33, 47, 64, 20, 90, 100, 28];
const roundsPerLoad = 8;

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

async function round(engine, config) {
  await engine.admit(Array.from({ length: sequences }, (_, index) => request(index, config)));
  const done = [];
  while (done.length < sequences) done.push(...(await engine.generateChunk()).finished);
  return new Map(done.map((result) => [result.id, result]));
}

/** Counts what differs from the first round. @param config the model's @param seconds at least; a round is not cut */
export async function repeat({ folder, device, precision, seconds, config, threads }) {
  const engine = new LocalEngine({ slots: 32, waitingRoom: sequences, device, precision, threads });
  const total = { rounds: 0, differingRounds: 0, sequencesOff: 0, otherTokens: 0, max: 0 };
  let first = null;
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    if (total.rounds % roundsPerLoad === 0) await engine.loadVersion({ version: total.rounds / roundsPerLoad, folder });
    const results = await round(engine, config);
    first ??= results;
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
  return { ...total, max: short(total.max) };
}
