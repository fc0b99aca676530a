/**
 * One measurement of the CUDA benchmark: takes a task as JSON, prints its figures as JSON. Started by ../cuda.mjs, which says what the tasks are for.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { LocalEngine, readCheckpoint, TrainingEngine } from '@segue/engine';
import { short } from './alternate.mjs';
import { busRates } from './bus-rates.mjs';
import { prefillShapes } from './prefill-shapes.mjs';
import { writeRandomPolicy } from './random-policy.mjs';
import { repeat } from './repeated-work.mjs';
import { sequenceRequest } from './requests.mjs';

const task = JSON.parse(process.argv[2]);
const threads = availableParallelism();

function request(index, { vocabularySize }, { prompt, tokens, temperature = 1 }) {
  const group = index >> 3;
  const promptTokens = Int32Array.from({ length: prompt }, (_, i) => (i * 7 + group * 13) % vocabularySize);
  return sequenceRequest(
    { id: `bench-g${group}-t${index % 8}`, promptKey: `p${group}`, promptTokens, tokens },
    {
      sampling: { temperature, topK: 0, topP: 1 },
      // Random weights repeat themselves; every sequence is to run to its end.
      repeat: { maxPeriod: 64, minRepeats: 4, minTokens: tokens + 1 },
    },
  );
}

/** Generates a whole batch. */
async function generate(engine, config, batch, lengths) {
  await engine.admit(Array.from({ length: batch }, (_, i) => request(i, config, lengths)));
  const total = { tokens: 0, steps: 0, durationMs: 0, prefillMs: 0 };
  const runtimeBefore = engine.runtimeMs;
  const results = [];
  for (let running = batch; running > 0; ) {
    const chunk = await engine.generateChunk();
    for (const key of Object.keys(total)) total[key] += chunk[key];
    results.push(...chunk.finished);
    running = chunk.running;
  }
  const outsideMs = total.durationMs - (engine.runtimeMs - runtimeBefore);
  return { ...total, outsideMs, results: results.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

async function decode({ folder, device, precision, batch, chunk, prompt, tokens }) {
  const { config } = await readCheckpoint(folder);
  const engine = new LocalEngine({ slots: batch, chunkTokens: chunk, device, precision, threads });
  const begin = performance.now();
  await engine.loadVersion({ version: 0, folder });
  const loadMs = performance.now() - begin;
  // The first round warms up: libraries load, memory is asked for.
  await generate(engine, config, batch, { prompt, tokens });
  const { durationMs, prefillMs, outsideMs, steps, ...done } = await generate(engine, config, batch, {
    prompt,
    tokens,
  });
  const memory = gpuMemoryMiB(device);
  await engine.stop();
  // Prompts are shared by siblings: what crosses is each prompt once and each row's own tokens.
  const elementBytes = precision === 'float16' ? 2 : 4;
  const tokenBytes = 2 * config.layers * config.kvHeads * config.headSize * elementBytes;
  let [inBytes, outBytes] = [0, batch * tokens * tokenBytes];
  for (let own = 0; own < tokens; own += chunk) inBytes += (batch * own + Math.ceil(batch / 8) * prompt) * tokenBytes;
  const rates = await busRates(device);
  const busMs = inBytes / rates.inBytesPerMs + outBytes / rates.outBytesPerMs;
  const decodeMs = durationMs - prefillMs;
  return {
    tokensPerSecond: Math.round((done.tokens / decodeMs) * 1000),
    stepMs: short(decodeMs / steps),
    copyShare: short((busMs + outsideMs) / durationMs),
    busShare: short(busMs / durationMs),
    prefillMs: Math.round(prefillMs),
    loadMs: Math.round(loadMs),
    ...memory,
  };
}

function trainingRows({ vocabularySize }, count, length) {
  return Array.from({ length: count }, (_, row) => ({
    tokens: Int32Array.from({ length: length + 1 }, (_, i) => (i * 31 + row * 17 + ((i * i) % 97)) % vocabularySize),
    mask: Uint8Array.from({ length: length + 1 }, (_, i) => (i > length / 4 ? 1 : 0)),
    advantage: row % 2 === 0 ? 0.5 : -0.5,
    referenceLogProbs: new Float32Array(length + 1).fill(-5),
  }));
}

/** Whole optimiser steps, gradients included; the last of an iteration, as by default it is the only one. */
async function train({ folder, device, precision, rows: count, length, micro }) {
  const engine = await TrainingEngine.open(folder, { device, precision, threads, maxTokensPerMicroBatch: micro });
  const rows = trainingRows(engine.config, count, length);
  const step = () => engine.policyStep(rows, { tau: 0.1, learningRate: 1e-6, thenReset: true });
  const begin = performance.now();
  const { gradientNorm } = await step();
  const firstMs = performance.now() - begin;
  const times = [];
  for (let i = 0; i < 2; i++) {
    const from = performance.now();
    await step();
    times.push(performance.now() - from);
  }
  const forwardFrom = performance.now();
  await engine.logProbs(rows);
  await engine.logProbs(rows);
  const logProbsMs = (performance.now() - forwardFrom) / 2;
  const memory = gpuMemoryMiB(device);
  const bytes = engine.layout.length * 4;
  await engine.dispose();
  const rates = await busRates(device);
  const stepMs = Math.min(...times);
  const busMs = bytes / rates.inBytesPerMs + bytes / rates.outBytesPerMs;
  return {
    tokensPerSecond: Math.round(((count * length) / stepMs) * 1000),
    stepMs: Math.round(stepMs),
    copyShare: short(busMs / stepMs),
    logProbsMs: Math.round(logProbsMs),
    firstMs: Math.round(firstMs),
    gradientNorm: short(gradientNorm),
    ...memory,
  };
}

/**
 * How far decoding, gradients and a step lie from the CPU's in float32, and what is drawn on the device from what a trainer on the same device
 * computes of it: the two may differ, as decoding multiplies few rows at a time and training many.
 */
async function parity({ folder, device, precision }) {
  const { config, parameters } = await readCheckpoint(folder);
  const lengths = { prompt: 40, tokens: 128 };
  const runs = {};
  for (const temperature of [0, 1]) {
    for (const on of ['cpu', device]) {
      const engine = new LocalEngine({ slots: 16, device: on, threads, ...(on === 'cpu' ? {} : { precision }) });
      await engine.loadVersion({ version: 0, folder });
      runs[`${on}${temperature}`] = (await generate(engine, config, 16, { ...lengths, temperature })).results;
      await engine.stop();
    }
  }
  const drawn = compare(runs.cpu1, runs[`${device}1`]);
  const greedy = compare(runs.cpu0, runs[`${device}0`]);
  const trainer = await trainedLogProbs(folder, config, runs[`${device}1`], { device, precision, ...lengths });
  const own = compare(trainer, runs[`${device}1`]);
  const figures = {
    greedySameTokens: `${greedy.same}/${greedy.tokens}`,
    greedyLogProbMax: short(greedy.max),
    greedyLogProbMean: short(greedy.sum / greedy.same),
    drawnSameTokens: `${drawn.same}/${drawn.tokens}`,
    drawnLogProbMax: short(drawn.max),
    drawnLogProbMean: short(drawn.sum / drawn.same),
    trainerLogProbMax: short(own.max),
    trainerLogProbMean: short(own.sum / own.same),
    ...cublas(device),
  };
  if (precision === 'float16') return figures;
  const rows = trainingRows(config, 8, 128);
  const trained = {};
  for (const on of ['cpu', device]) {
    const options = { device: on, threads, maxTokensPerMicroBatch: 512, ...(on === 'cpu' ? {} : { precision }) };
    const engine = new TrainingEngine(config, parameters.slice(), options);
    await engine.policyGradients(rows, { tau: 0.1 });
    const gradient = engine.gradient.slice();
    engine.dropGradient();
    await engine.policyStep(rows, { tau: 0.1, learningRate: 1e-4 });
    await engine.policyStep(rows, { tau: 0.1, learningRate: 1e-4 });
    trained[on] = { gradient, parameters: engine.parameters };
    await engine.dispose();
  }
  const [ours, theirs] = [trained[device], trained.cpu];
  return {
    ...figures,
    gradientRelative: short(relative(ours.gradient, theirs.gradient)),
    twoStepsRelative: short(relative(ours.parameters, theirs.parameters)),
  };
}

/** The same tokens with the log-probs that a trainer gives them; in float32 where actors have float16, as it is in a run. */
async function trainedLogProbs(folder, config, results, { device, precision, ...lengths }) {
  const rows = results.map(({ tokens }, index) => {
    const { promptTokens } = request(index, config, lengths);
    const mask = new Uint8Array(promptTokens.length + tokens.length).fill(1, promptTokens.length);
    return { tokens: Int32Array.of(...promptTokens, ...tokens), mask };
  });
  const engine = await TrainingEngine.open(folder, {
    device,
    threads,
    maxTokensPerMicroBatch: 512,
    ...(device === 'cpu' || precision === 'float16' ? {} : { precision }),
  });
  const { logProbs } = await engine.logProbs(rows);
  await engine.dispose();
  return results.map(({ tokens }, i) => ({ tokens, logProbs: logProbs[i].subarray(lengths.prompt) }));
}

/** Up to each sequence's first other token: after it, the two have different contexts. */
function compare(expected, actual) {
  const total = { same: 0, tokens: 0, max: 0, sum: 0 };
  expected.forEach(({ tokens, logProbs }, i) => {
    const fork = tokens.findIndex((token, t) => actual[i].tokens[t] !== token);
    const same = fork < 0 ? tokens.length : fork;
    total.tokens += tokens.length;
    total.same += same;
    for (let t = 0; t < same; t++) {
      const difference = Math.abs(logProbs[t] - actual[i].logProbs[t]);
      total.max = Math.max(total.max, difference);
      total.sum += difference;
    }
  });
  return total;
}

/** Length of the difference over the length of what is expected. */
function relative(actual, expected) {
  let [difference, length] = [0, 0];
  expected.forEach((value, i) => {
    difference += (actual[i] - value) ** 2;
    length += value ** 2;
  });
  return Math.sqrt(difference / length);
}

function gpuMemoryMiB(device) {
  if (device !== 'cuda') return {};
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
  return { gpuMemoryMiB: Number.parseInt(execFileSync('nvidia-smi', query, { encoding: 'utf8' }), 10) };
}

/** The file of the library that multiplies, whose name has its whole version: agreement is its matter too. */
function cublas(device) {
  if (device !== 'cuda') return {};
  const path = /\/\S*libcublas\.so\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
  return { cublas: path === undefined ? 'not loaded' : basename(path) };
}

async function repeated({ folder, ...task }) {
  const { config } = await readCheckpoint(folder);
  const other = `${folder}-other`;
  if (!existsSync(other)) await writeRandomPolicy(other, config, 2);
  return repeat({ folders: [folder, other], ...task, config, threads });
}

async function shapes({ folder, ...task }) {
  const { config } = await readCheckpoint(folder);
  return prefillShapes({ folder, ...task, config, threads });
}

const kinds = { parity, shapes, repeat: repeated, decode, train };
process.stdout.write(JSON.stringify(await kinds[task.kind](task)));
