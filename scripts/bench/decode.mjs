/**
 * How fast the engine decodes, one thread unless told otherwise: `npm run bench -- decode [--json] [--peers] [--parts share,siblings,curve]
 * [--sizes small,large] [--rounds 5] [--threads 1,2] [--batches 1,8,32,128] [--contexts 256,1024,4096] [--tokens 64]`. Parts:
 *   share     tokens/s and FLOP/s against the runtime's rate for large matrices; beside it the products of a step alone, rows by weights and weights
 *             by rows, and the rate at which one row reads the weights: what the products could reach at most;
 *   limits    the parts of a step, each measured alone, and what share were reached if only some of them took time (not among the parts unless named);
 *   products  a step's products by batch, rows first and weights first (not unless named);
 *   attention rates of attention's products by layout, beside that of a sum over keys and values (not unless named);
 *   operators what a step's operators take, by the runtime's profiler (not among the parts unless named);
 *   siblings  16 siblings of a 512-token prompt that read one copy of its keys and values, against a copy each, and the ratio if the prompt cost
 *             its products at the large-matrix rate, or nothing;
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
import { attentionRates, openFloor, productsByBatch, stepLimits } from './lib/decode-limits.mjs';
import { flopsPerToken, openEngines, promptsOf } from './lib/decode-runs.mjs';
import { squareProduct, stepBytes, stepFlops, stepProducts } from './lib/matrix-rates.mjs';
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
    /** Tokens of a response, in place of those below: fewer for a shorter round. */
    tokens: { type: 'string' },
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
if (options.tokens) for (const length of Object.values(lengths)) length.tokens = Number(options.tokens);
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
    const products = await stepProducts(config, steps);
    const turned = await stepProducts(config, steps, true);
    const rate = async (product) => (stepFlops(config, batch) / (await product.measure(batch))) * 1000;
    const figures = await alternate(
      {
        decode: async () => perSecond(batch * tokens, (await engines.run(prompts, tokens)).cpuMs) * flops,
        square: square.measure,
        products: () => rate(products),
        turned: () => rate(turned),
        // With one row hardly anything is computed: it is the rate at which weights are read, in bytes per second.
        oneRow: async () => (stepBytes(config) / (await products.measure(1))) * 1000,
      },
      rounds,
    );
    await Promise.all([engines, square, products, turned].map((each) => each.stop()));
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
      weightsReadGBPerSecond: giga(figures.oneRow),
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

async function limits(size, batch) {
  const { prompt, tokens } = lengths[size];
  const context = prompt + tokens / 2;
  const config = modelOf(size, prompt + tokens);
  await withCheckpoint(config, async (path) => {
    tell({ part: 'limits', size, ...(await stepLimits({ config, path, batch, context, rounds })) });
  });
}

async function products(size) {
  const batches = [1, 4, 8, 16, 32, 48, 64, 128];
  const lines = await productsByBatch({ config: modelOf(size, 64), batches, rounds });
  for (const line of lines) tell({ part: 'products', size, ...line });
}

async function attention(size, batch) {
  const { prompt, tokens } = lengths[size];
  for (const columns of [prompt + tokens / 2, 512]) {
    const lines = await attentionRates({ config: modelOf(size, 512), batch, columns, rounds });
    for (const line of lines) tell({ part: 'attention', size, ...line });
  }
}

async function siblings(size, members) {
  const [prompt, tokens] = [512, 64];
  const config = modelOf(size, prompt + tokens);
  await withCheckpoint(config, async (path) => {
    const prompts = promptsOf({ batch: members, prompt, siblings: members, vocabulary: config.vocabularySize });
    const open = (sharePrompts) => openEngines({ path, batch: members, settings: { sharePrompts } });
    const [shared, apart] = [await open('auto'), await open('never')];
    const oneToken = promptsOf({ batch: members, prompt: 1, siblings: members, vocabulary: config.vocabularySize });
    const speed =
      (engines, rows = prompts) =>
      async () =>
        perSecond(members * tokens, (await engines.run(rows, tokens)).cpuMs);
    const square = await squareProduct();
    const figures = await alternate(
      { shared: speed(shared), apart: speed(apart), free: speed(apart, oneToken), square: square.measure },
      rounds,
    );
    await square.stop();
    // Seconds a token with a prompt that costs what its products take at the large-matrix rate, and nothing else.
    const promptFlops = flopsPerToken(config, prompt) - flopsPerToken(config, 0);
    const atRate = figures.free.map((rate, round) => 1 / (1 / rate + promptFlops / figures.square[round]));
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
      ratioIfPromptAtLargeMatrixRate: short(ratio(atRate, figures.apart)),
      ratioIfPromptCostNothing: short(ratio(figures.free, figures.apart)),
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
    const compared = Math.min(16, tokens);
    const expected = (await engines.run(prompts, compared, 0)).rows.flat();
    const contenders = { segue: async () => perSecond(batch * tokens, clock(await engines.run(prompts, tokens))) };
    const agreement = {};
    for (const [name, peer] of started) {
      const { rows } = await peer.measure({ prompts, tokens: compared, greedy: true });
      agreement[name] = short(rows.flat().filter((token, i) => token === expected[i]).length / expected.length);
      contenders[name] = async () => {
        const result = await peer.measure({ prompts, tokens });
        return perSecond(batch * result.steps, clock(result));
      };
    }
    // On one thread: how much faster decoding were if a step were its products alone, or these and attention, and nothing else.
    const floor = threads === 1 ? await openFloor(config, { batch, context: prompt + tokens / 2 }) : null;
    const figures = await alternate({ ...contenders, ...(floor ? { floor: floor.measure } : {}) }, rounds);
    await floor?.stop();
    await engines.stop();
    for (const peer of started.values()) await peer.stop();
    const timesFasterAt = (what, name) =>
      short(
        ratio(
          figures.floor.map((ms) => perSecond(batch, ms[what])),
          figures[name],
        ),
      );
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
        ...(floor && {
          timesFasterIfProductsAlone: timesFasterAt('products', name),
          timesFasterIfProductsAndAttentionAlone: timesFasterAt('both', name),
        }),
        sameGreedyTokens: agreement[name],
      });
    }
  });
}

if (parts.includes('peers')) installPeers();
for (const size of sizes) {
  if (parts.includes('share')) for (const batch of [32, 64]) await share(size, batch);
  if (parts.includes('operators')) for (const batch of [32, 64]) await operators(size, batch);
  if (parts.includes('limits')) for (const batch of [32, 64]) await limits(size, batch);
  if (parts.includes('products')) await products(size);
  if (parts.includes('attention')) await attention(size, 32);
  if (parts.includes('siblings')) await siblings(size, 16);
  if (parts.includes('curve') && size === 'small') await curve(size);
  if (parts.includes('peers'))
    for (const threads of new Set(options.threads.split(',').map(Number))) await peers(size, 32, threads);
}
