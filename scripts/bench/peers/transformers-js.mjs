/**
 * transformers.js as a contender, a process of its own (see lib/peers.mjs): one `generate` call for the whole batch, as its documentation
 * shows, sampling from the whole vocabulary. The time is that from the first token to the last, so that prefill is left out.
 */
import { AutoModelForCausalLM, BaseStreamer, env, Tensor } from '@huggingface/transformers';
import { cpuTimeMs } from '../lib/cpu-time.mjs';
import { serve } from './serve.mjs';

class Stopwatch extends BaseStreamer {
  puts = 0;
  first = { ms: 0, cpuMs: 0 };
  last = { ms: 0, cpuMs: 0 };

  put() {
    // First the prompt, then each step's tokens.
    this.puts++;
    this.last = { ms: performance.now(), cpuMs: cpuTimeMs() };
    if (this.puts === 2) this.first = this.last;
  }
  end() {}
}

await serve(async ({ path, threads }) => {
  Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: '' });
  const model = await AutoModelForCausalLM.from_pretrained(path, {
    dtype: 'fp32',
    device: 'cpu',
    session_options: { intraOpNumThreads: threads, interOpNumThreads: 1 },
  });
  const int64 = (rows, of) => {
    const data = BigInt64Array.from(rows.flat(), of);
    return new Tensor('int64', data, [rows.length, rows[0].length]);
  };
  return async ({ prompts, tokens, greedy }) => {
    const stopwatch = new Stopwatch();
    const output = await model.generate({
      input_ids: int64(prompts, BigInt),
      attention_mask: int64(prompts, () => 1n),
      max_new_tokens: tokens,
      min_new_tokens: tokens,
      do_sample: !greedy,
      temperature: 1,
      top_k: 0,
      top_p: 1,
      streamer: stopwatch,
    });
    const length = output.dims[1];
    const rows = prompts.map((prompt, row) =>
      Array.from(output.data.slice(row * length + prompt.length, (row + 1) * length), Number),
    );
    const { first, last, puts } = stopwatch;
    return { steps: puts - 2, ms: last.ms - first.ms, cpuMs: last.cpuMs - first.cpuMs, rows };
  };
});
