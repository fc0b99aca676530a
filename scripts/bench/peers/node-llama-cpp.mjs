/**
 * node-llama-cpp as a contender, a process of its own (see lib/peers.mjs): one context with a sequence per row, evaluated side by side, which
 * the library batches by itself, as its documentation shows. Float32 weights; keys and values in its default, float16. The time is that
 * from the moment when every row has its first token.
 */
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { cpuTimeMs } from '../lib/cpu-time.mjs';
import { serve } from './serve.mjs';

await serve(async ({ path, threads, batch, context }) => {
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: threads });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  const cache = await model.createContext({
    sequences: batch,
    contextSize: context,
    batchSize: Math.max(512, batch),
    threads: { ideal: threads, min: threads },
  });
  const sequences = Array.from({ length: batch }, () => cache.getSequence());
  return async ({ prompts, tokens, greedy }) => {
    const sampling = greedy ? { temperature: 0 } : { temperature: 1, topK: 0, topP: 1, minP: 0 };
    const rows = await Promise.all(
      prompts.map(async (prompt, row) => {
        await sequences[row].clearHistory();
        const generator = sequences[row].evaluate(prompt, { ...sampling, seed: row, yieldEogToken: true });
        return { generator, generated: [(await generator.next()).value] };
      }),
    );
    const [begin, cpuBegin] = [performance.now(), cpuTimeMs()];
    await Promise.all(
      rows.map(async ({ generator, generated }) => {
        while (generated.length < tokens) generated.push((await generator.next()).value);
      }),
    );
    const [ms, cpuMs] = [performance.now() - begin, cpuTimeMs() - cpuBegin];
    await Promise.all(rows.map(({ generator }) => generator.return()));
    return { steps: tokens - 1, ms, cpuMs, rows: rows.map(({ generated }) => generated) };
  };
});
