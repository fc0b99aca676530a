/**
 * One point of the curves of `context.mjs`, in a process of its own so that its peak of memory is its own:
 * `node scripts/bench/lib/context-point.mjs rollout|blocks|plain <tokens> <threads>` prints one JSON line.
 * Memory is the whole process's: `baseBytes` with model and sessions there, `peakBytes` the most it ever had. Times are CPU seconds of the process
 * (on a quiet machine with one thread, what a clock shows), which others on the machine disturb less; `wallSeconds` is the clock's.
 */
import { initialParameters, LocalEngine, parameterLayout, TrainingEngine } from '@segue/engine';
import { peakBytes } from './memory.mjs';
import { sequenceRequest } from './requests.mjs';
import { modelOf, withCheckpoint } from './sizes.mjs';

const promptLength = 64;
/** Tokens that the last segment generates. */
const segmentTokens = 64;

const [kind, tokensText, threadsText] = process.argv.slice(2);
const [tokens, threads] = [Number(tokensText), Number(threadsText)];
const model = modelOf('small', Math.max(tokens, 4096));
const text = (length) => Int32Array.from({ length }, (_, i) => (i * 7 + (i % 13) + (i % 101)) % model.vocabularySize);

const point = kind === 'rollout' ? await rollout() : await training();
process.stdout.write(`${JSON.stringify({ kind, tokens, ...point, peakBytes: peakBytes() })}\n`);

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** The last segment of a trajectory that has grown to `tokens`: what was there is prefilled again, then it goes on. */
function rollout() {
  return withCheckpoint(model, async (folder) => {
    const engine = new LocalEngine({ slots: 1, threads });
    await engine.loadVersion({ version: 0, folder });
    const baseBytes = process.memoryUsage.rss();
    const responseTokens = text(tokens - promptLength - segmentTokens);
    await engine.admit([
      sequenceRequest(
        { id: 'bench-g0-t0', promptKey: 'bench', promptTokens: text(promptLength), tokens: segmentTokens },
        { responseTokens, capTokens: tokens - promptLength },
      ),
    ]);
    let [prefillSeconds, decodeSeconds, longestChunkSeconds] = [0, 0, 0];
    const begin = performance.now();
    for (let running = 1; running > 0; ) {
      const before = cpuSeconds();
      const report = await engine.generateChunk();
      const seconds = cpuSeconds() - before;
      const prefillShare = report.prefillMs / report.durationMs;
      prefillSeconds += seconds * prefillShare;
      decodeSeconds += seconds * (1 - prefillShare);
      longestChunkSeconds = Math.max(longestChunkSeconds, seconds);
      running = report.running;
    }
    const wallSeconds = (performance.now() - begin) / 1000;
    await engine.stop();
    return {
      baseBytes,
      prefillSeconds,
      prefillTokensPerSecond: responseTokens.length / prefillSeconds,
      decodeTokensPerSecond: segmentTokens / decodeSeconds,
      longestChunkSeconds,
      wallSeconds,
    };
  });
}

/** Gradients of the k1.5 objective over one row, and the step. */
async function training() {
  const parameters = initialParameters(parameterLayout(model), 1);
  const longRowTokens = kind === 'blocks' ? 1 : Number.MAX_SAFE_INTEGER;
  const engine = new TrainingEngine(model, parameters, { threads, longRowTokens });
  const row = (length) => ({
    tokens: text(length),
    mask: new Uint8Array(length).fill(1, promptLength),
    advantage: 1,
    referenceLogProbs: new Float32Array(length).fill(-4),
  });
  const step = async (length) => {
    const [begin, before] = [performance.now(), cpuSeconds()];
    await engine.policyGradients([row(length)], { tau: 0.1, logPi: 'mean' });
    const { gradientNorm } = await engine.step(1e-4);
    if (!Number.isFinite(gradientNorm)) throw new Error(`the gradient over ${length} tokens is no number`);
    return { stepSeconds: cpuSeconds() - before, wallSeconds: (performance.now() - begin) / 1000 };
  };
  // Builds the session; short, so that it does not count for the peak.
  await step(2 * promptLength);
  const baseBytes = process.memoryUsage.rss();
  const seconds = await step(tokens);
  await engine.dispose();
  return { baseBytes, ...seconds };
}
