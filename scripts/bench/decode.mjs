/**
 * How fast the engine decodes, one thread unless told otherwise: `npm run bench -- decode [--json] [--peers] [--parts share,siblings,curve]
 * [--sizes small,large] [--rounds 5] [--threads 1,2] [--batches 1,8,32,128] [--contexts 256,1024,4096]`. Parts:
 *   share     tokens/s and FLOP/s against the runtime's rate for large matrices; beside it the products of a step alone, rows by weights and weights
 *             by rows, and the rate at which one row reads the weights: what the products could reach at most;
 *   operators what a step's operators take, by the runtime's profiler (not among the parts unless named);
 *   siblings  16 siblings of a 512-token prompt that read one copy of its keys and values, against a copy each;
 *   curve     tokens/s and core at every batch of --batches and context of --contexts (small);
 *   peers     (with --peers) transformers.js and node-llama-cpp, installed into scripts/bench/peers, same weights, prompts and lengths, temperature 1,
 *             whole vocabulary: one thread each, then all cores each (here: an engine per core).
 * Contenders take turns within a run; figures are medians over the rounds. On one thread time is that of the processor, so that a busy
 * machine disturbs less; with several it is the wall's. Random weights: speed does not depend on what they are.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { readCheckpoint } from '@segue/engine';
import { alternate, median, ratio, short } from './lib/alternate.mjs';
import { flopsPerToken, openEngines, promptsOf } from './lib/decode-runs.mjs';
import { squareProduct, stepBytes, stepProducts } from './lib/matrix-rates.mjs';
import { installPeers, peerNames, startPeer, writePeerModels } from './lib/peers.mjs';
import { modelOf, withCheckpoint } from './lib/sizes.mjs';
import { stepOperators } from './lib/step-operators.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: false },
    parts: { type: 'string', default: 'share,siblings,curve' },
    sizes: { type: 'string', default: 'small,large' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: `1,${availableParallelism()}` },
    batches: { type: 'string', default: '1,8,32,128' },
    contexts: { type: 'string', default: '256,1024,4096' },
  },
});
const rounds = Number(options.rounds);
const parts = [...options.parts.split(',').filter(Boolean), ...(options.peers ? ['peers'] : [])];
const sizes = options.sizes.split(',');

/** Tokens of prompt and response where nothing else is said. */
const lengths = {
  small: { prompt: 32, tokens: 128 },
  large: { prompt: 32, tokens: 64 },
  medium: { prompt: 32, tokens: 32 },
};
const unknown = sizes.find((size) => !Object.hasOwn(lengths, size));
if (unknown !== undefined) {
  throw new Error(`there is no size ${unknown} here; known: ${Object.keys(lengths).join(', ')}`);
}

function tell(line) {
  if (options.json) process.stdout.write(`${JSON.stringify(line)}\n`);
  else
    process.stdout.write(
      `${Object.entries(line)
        .map(([key, value]) => `${key} ${value}`)
        .join('  ')}\n`,
    );
}

const perSecond = (tokens, ms) => (tokens / ms) * 1000;

async function share(size, batch) {
  const { prompt, tokens } = lengths[size];
  const config = modelOf(size, prompt + tokens);
  const flops = flopsPerToken(config, prompt + tokens / 2);
  await withCheckpoint(config, async (path) => {
    const engines = await openEngines({ path, batch });
    const prompts = promptsOf({ batch, prompt, vocabulary: config.vocabularySize });
    const square = await squareProduct();
    const steps = size === 'small' ? 32 : 4;
    const products = await stepProducts(config, batch, steps);
    const turned = await stepProducts(config, batch, steps, true);
    // With one row hardly anything is computed: it is the rate at which weights are read.
    const oneRow = await stepProducts(config, 1, steps);
    const bytesPerFlop = stepBytes(config) / flopsPerToken(config, 0);
    const figures = await alternate(
      {
        decode: async () => perSecond(batch * tokens, (await engines.run(prompts, tokens)).cpuMs) * flops,
        square: square.measure,
        products: products.measure,
        turned: turned.measure,
        oneRow: oneRow.measure,
      },
      rounds,
    );
    await Promise.all([engines, square, products, turned, oneRow].map((each) => each.stop()));
    const giga = (values) => short(median(values) / 1e9);
    tell({
      part: 'share',
      size,
      batch,
      context: prompt + tokens / 2,
      tokensPerSecond: Math.round(median(figures.decode) / flops),
      gflops: giga(figures.decode),
      largeMatrixGflops: giga(figures.square),
      rowsFirstGflops: giga(figures.products),
      weightsFirstGflops: giga(figures.turned),
      weightsReadGBPerSecond: short((median(figures.oneRow) / 1e9) * bytesPerFlop),
      shareOfLargeMatrix: short(ratio(figures.decode, figures.square)),
      productsShareOfLargeMatrix: short(
        Math.max(ratio(figures.products, figures.square), ratio(figures.turned, figures.square)),
      ),
    });
  });
}

async function operators(size, batch) {
  const { prompt, tokens } = lengths[size];
  const context = prompt + tokens / 2;
  const steps = 32;
  await withCheckpoint(modelOf(size, prompt + tokens), async (path) => {
    const shape = { batch, prefix: context - steps / 2, steps };
    const { stepMs, weightsFirst, operators: kinds } = await stepOperators(path, shape);
    tell({ part: 'operators', size, batch, context, weightsFirst, stepMs: short(stepMs) });
    for (const { operator, perStep, us } of kinds.slice(0, 16)) {
      tell({
        part: 'operators',
        size,
        batch,
        operator,
        perStep: Math.round(perStep),
        microsecondsPerStep: Math.round(us),
      });
    }
  });
}

async function siblings(size, members) {
  const [prompt, tokens] = [512, 64];
  const config = modelOf(size, prompt + tokens);
  await withCheckpoint(config, async (path) => {
    const prompts = promptsOf({ batch: members, prompt, siblings: members, vocabulary: config.vocabularySize });
    const open = (sharePrompts) => openEngines({ path, batch: members, settings: { sharePrompts } });
    const [shared, apart] = [await open('auto'), await open('never')];
    const speed = (engines) => async () => perSecond(members * tokens, (await engines.run(prompts, tokens)).cpuMs);
    const figures = await alternate({ shared: speed(shared), apart: speed(apart) }, rounds);
    await Promise.all([shared.stop(), apart.stop()]);
    tell({
      part: 'siblings',
      size,
      siblings: members,
      prompt,
      tokens,
      sharedTokensPerSecond: Math.round(median(figures.shared)),
      apartTokensPerSecond: Math.round(median(figures.apart)),
      ratio: short(ratio(figures.shared, figures.apart)),
    });
  });
}

async function curve(size) {
  const tokens = 32;
  const [batches, contexts] = [options.batches, options.contexts].map((list) => list.split(',').map(Number));
  const config = modelOf(size, Math.max(...contexts) + tokens);
  await withCheckpoint(config, async (path) => {
    for (const batch of batches) {
      for (const context of contexts) {
        // One prompt, so that it is prefilled once; every row reads a copy of its own.
        const engines = await openEngines({ path, batch, settings: { sharePrompts: 'never' } });
        const prompt = context - tokens / 2;
        const prompts = promptsOf({ batch, prompt, siblings: batch, vocabulary: config.vocabularySize });
        const run = async () => perSecond(batch * tokens, (await engines.run(prompts, tokens)).cpuMs);
        const { figures } = await alternate({ figures: run }, Math.min(rounds, 3));
        await engines.stop();
        tell({ part: 'curve', size, batch, context, tokensPerSecondAndCore: Math.round(median(figures)) });
      }
    }
  });
}

async function peers(size, batch, threads) {
  const { prompt, tokens } = lengths[size];
  const config = modelOf(size, prompt + tokens);
  await withCheckpoint(config, async (path) => {
    const paths = await writePeerModels(await readCheckpoint(path), path);
    const prompts = promptsOf({ batch, prompt, vocabulary: config.vocabularySize });
    const engines = await openEngines({ path, batch, engines: threads });
    const clock = ({ ms, cpuMs }) => (threads === 1 ? cpuMs : ms);
    const started = new Map();
    for (const name of peerNames) {
      started.set(name, await startPeer(name, { path: paths[name], threads, batch, context: prompt + tokens }));
    }
    // The same weights give the same most likely tokens, but for ties in rounding.
    const expected = (await engines.run(prompts, 16, 0)).rows.flat();
    const contenders = { segue: async () => perSecond(batch * tokens, clock(await engines.run(prompts, tokens))) };
    const agreement = {};
    for (const [name, peer] of started) {
      const { rows } = await peer.measure({ prompts, tokens: 16, greedy: true });
      agreement[name] = short(rows.flat().filter((token, i) => token === expected[i]).length / expected.length);
      contenders[name] = async () => {
        const result = await peer.measure({ prompts, tokens });
        return perSecond(batch * result.steps, clock(result));
      };
    }
    const figures = await alternate(contenders, rounds);
    await engines.stop();
    for (const peer of started.values()) await peer.stop();
    tell({
      part: 'peers',
      size,
      batch,
      prompt,
      tokens,
      threads,
      segueTokensPerSecond: Math.round(median(figures.segue)),
    });
    for (const name of peerNames) {
      tell({
        part: 'peers',
        size,
        batch,
        threads,
        peer: name,
        tokensPerSecond: Math.round(median(figures[name])),
        segueTimesFaster: short(ratio(figures.segue, figures[name])),
        sameGreedyTokens: agreement[name],
      });
    }
  });
}

if (parts.includes('peers')) installPeers();
for (const size of sizes) {
  if (parts.includes('share')) for (const batch of [32, 64]) await share(size, batch);
  if (parts.includes('operators')) for (const batch of [32, 64]) await operators(size, batch);
  if (parts.includes('siblings')) await siblings(size, 16);
  if (parts.includes('curve') && size === 'small') await curve(size);
  if (parts.includes('peers'))
    for (const threads of new Set(options.threads.split(',').map(Number))) await peers(size, 32, threads);
}
