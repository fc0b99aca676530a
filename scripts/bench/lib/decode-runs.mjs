/**
 * Measured decoding: batches of equal sequences through one engine, or through one engine per core, and how many floating point operations a
 * token takes. Only decoding counts; prefill is left out.
 */
import { LocalEngine, WorkerEngine } from '@segue/engine';
import { cpuTimeMs } from './cpu-time.mjs';
import { sequenceRequest } from './requests.mjs';

/** Multiplications and additions of one token's matrix products, those of the attention to `context` tokens included. */
export function flopsPerToken(config, context) {
  const { hiddenSize, layers, heads, kvHeads, headSize, intermediateSize, vocabularySize } = config;
  const projections = hiddenSize * (2 * heads + 2 * kvHeads) * headSize;
  const perLayer = projections + 3 * hiddenSize * intermediateSize + 2 * heads * headSize * context;
  return 2 * (layers * perLayer + hiddenSize * vocabularySize);
}

/** @param {{ batch: number, prompt: number, siblings?: number, vocabulary: number }} shape @returns {number[][]} a prompt per row */
export function promptsOf({ batch, prompt, siblings = 1, vocabulary }) {
  return Array.from({ length: batch }, (_, row) => {
    const group = Math.floor(row / siblings);
    return Array.from({ length: prompt }, (_, i) => (i * 7 + group * 3) % vocabulary);
  });
}

function requestsOf(prompts, tokens, temperature) {
  const keys = new Map();
  return prompts.map((prompt, row) => {
    const text = prompt.join();
    if (!keys.has(text)) keys.set(text, `p${keys.size}`);
    return sequenceRequest(
      { id: `bench-g0-t${row}`, promptKey: keys.get(text), promptTokens: Int32Array.from(prompt), tokens },
      {
        sampling: { temperature, topK: 0, topP: 1 },
        // Random weights repeat themselves; every sequence is to run to its end.
        repeat: { maxPeriod: 1, minRepeats: 2, minTokens: tokens + 2 },
      },
    );
  });
}

/** Generates a whole batch on one engine: time of decoding alone, and each row's tokens. */
async function runBatch(engine, prompts, tokens, temperature = 1) {
  await engine.admit(requestsOf(prompts, tokens, temperature));
  const rows = new Map();
  let [ms, cpuMs] = [0, 0];
  for (let running = prompts.length; running > 0; ) {
    const begin = cpuTimeMs();
    const report = await engine.generateChunk();
    ms += report.durationMs - report.prefillMs;
    cpuMs += (cpuTimeMs() - begin) * (1 - report.prefillMs / report.durationMs);
    running = report.running;
    for (const result of report.finished) rows.set(result.id, [...result.tokens]);
  }
  return { ms, cpuMs, rows: prompts.map((_, row) => rows.get(`bench-g0-t${row}`)) };
}

/**
 * Engines that share the batch evenly; one engine runs on this thread, several each on a thread of its own.
 * @param {{ path: string, batch: number, engines?: number, settings?: object }} options
 */
export async function openEngines({ path, batch, engines = 1, settings = {} }) {
  const slots = Math.ceil(batch / engines);
  const all = Array.from({ length: engines }, () =>
    engines === 1 ? new LocalEngine({ slots, ...settings }) : new WorkerEngine({ slots, ...settings }),
  );
  for (const engine of all) {
    await engine.start();
    await engine.loadVersion({ version: 0, folder: path });
  }
  return {
    /** Milliseconds of the slowest engine, of the processor where there is one engine only, and the tokens of each row. */
    async run(prompts, tokens, temperature) {
      const parts = all.map((engine, i) =>
        runBatch(engine, prompts.slice(i * slots, (i + 1) * slots), tokens, temperature),
      );
      const results = await Promise.all(parts);
      const [{ cpuMs }] = results;
      return { ms: Math.max(...results.map(({ ms }) => ms)), cpuMs, rows: results.flatMap(({ rows }) => rows) };
    },
    async stop() {
      for (const engine of all) await engine.stop();
    },
  };
}
