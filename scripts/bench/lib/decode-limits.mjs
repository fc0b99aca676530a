/**
 * What bounds decoding on this machine, one thread: the parts of a step, each measured alone and in turn with the whole, the products of a step
 * by batch, and the rates of attention's products by layout. Each function gives lines to print; knows nothing of engines or peers.
 */
import { alternate, median, ratio, short } from './alternate.mjs';
import { attentionAlone, attentionLayout, keyValueBytes, layoutNames, readingAlone } from './attention-alone.mjs';
import { flopsPerToken } from './decode-runs.mjs';
import { squareProduct, stepBytes, stepFlops, stepProducts } from './matrix-rates.mjs';
import { stepAlone } from './step-operators.mjs';

/** Steps of the loops that are measured: a chunk. */
const steps = 32;
/** Trips of the loop over products alone, which for a large policy are long. */
const trips = (config) => (stepBytes(config) > 2 ** 25 ? 4 : 32);

async function takeTurns(contenders, rounds) {
  const figures = await alternate(
    Object.fromEntries(Object.entries(contenders).map(([name, { measure }]) => [name, measure])),
    rounds,
  );
  for (const { stop } of Object.values(contenders)) await stop();
  return figures;
}

/** The products of a step in the better of both orders, and attention as the runtime computes it: what everything else is left out of. */
export async function openFloor(config, { batch, context }) {
  const products = await Promise.all([false, true].map((turned) => stepProducts(config, trips(config), turned)));
  const attention = await attentionAlone(config, { batch, prefix: context - steps / 2, steps, grows: false });
  return {
    /** Milliseconds a step: of the products, and of the products and attention. */
    async measure() {
      const ms = Math.min(await products[0].measure(batch), await products[1].measure(batch));
      return { products: ms, both: ms + (await attention.measure()) };
    },
    async stop() {
      for (const each of [...products, attention]) await each.stop();
    },
  };
}

/**
 * The parts of a step, and the shares that were reached if some of them took no time.
 * @param {{ config: object, path: string, batch: number, context: number, rounds: number }} options `path` of a checkpoint
 */
export async function stepLimits({ config, path, batch, context, rounds }) {
  const shape = { batch, prefix: context - steps / 2, steps };
  const [rowsFirst, weightsFirst] = [
    await stepProducts(config, trips(config)),
    await stepProducts(config, trips(config), true),
  ];
  const at = (product, rows) => ({ measure: () => product.measure(rows), stop: async () => {} });
  const figures = await takeTurns(
    {
      step: await stepAlone(path, shape),
      rowsFirst: at(rowsFirst, batch),
      weightsFirst: at(weightsFirst, batch),
      // With one row hardly anything is computed: weights are read.
      oneRow: at(rowsFirst, 1),
      attention: await attentionAlone(config, { ...shape, grows: false }),
      growing: await attentionAlone(config, { ...shape, grows: true }),
      reading: await readingAlone(config, batch, context),
      square: await squareProduct(),
    },
    rounds,
  );
  await Promise.all([rowsFirst.stop(), weightsFirst.stop()]);
  const { step, attention, growing, reading, square } = figures;
  const products = step.map((_, round) => Math.min(figures.rowsFirst[round], figures.weightsFirst[round]));
  const flops = batch * flopsPerToken(config, context);
  const atRate = square.map((rate) => (flops / rate) * 1000);
  const add = (...parts) => step.map((_, round) => parts.reduce((sum, part) => sum + part[round], 0));
  const joining = step.map((_, round) => growing[round] - attention[round]);
  const rest = step.map((ms, round) => ms - products[round] - growing[round]);
  const ms = (values) => short(median(values));
  return {
    batch,
    context,
    stepMs: ms(step),
    productsMs: ms(products),
    attentionMs: ms(attention),
    joiningMs: ms(joining),
    restMs: ms(rest),
    allAtLargeMatrixRateMs: ms(atRate),
    weightsMB: short(stepBytes(config) / 1e6),
    weightsReadMs: ms(figures.oneRow),
    keysAndValuesMB: short(keyValueBytes(config, batch, context) / 1e6),
    keysAndValuesReadMs: ms(reading),
    share: short(ratio(atRate, step)),
    shareOfProductsAndAttention: short(ratio(atRate, add(products, attention))),
    shareOfProductsAndOneReading: short(ratio(atRate, add(products, reading))),
  };
}

/** A step's products by batch, rows first and weights first, in milliseconds and in GFLOP/s of the better one. */
export async function productsByBatch({ config, batches, rounds }) {
  const contenders = {
    rowsFirst: await stepProducts(config, trips(config)),
    weightsFirst: await stepProducts(config, trips(config), true),
  };
  const lines = [];
  for (const batch of batches) {
    const measured = Object.entries(contenders).map(([name, { measure }]) => [name, () => measure(batch)]);
    const figures = await alternate(Object.fromEntries(measured), rounds);
    const [rowsFirst, weightsFirst] = [median(figures.rowsFirst), median(figures.weightsFirst)];
    const gflops = (ms) => Math.round(stepFlops(config, batch) / ms / 1e6);
    lines.push({
      batch,
      rowsFirstMs: short(rowsFirst),
      weightsFirstMs: short(weightsFirst),
      rowsFirstGflops: gflops(rowsFirst),
      weightsFirstGflops: gflops(weightsFirst),
    });
  }
  for (const { stop } of Object.values(contenders)) await stop();
  return lines;
}

/** GB/s at which attention's products read keys, and values, in each layout; beside it the rate of a sum over them. */
export async function attentionRates({ config, batch, columns, rounds }) {
  const contenders = { sum: await readingAlone(config, batch, columns) };
  for (const layout of layoutNames) {
    for (const which of ['keys', 'values']) {
      contenders[`${layout} ${which}`] = await attentionLayout(config, { layout, which, batch, columns });
    }
  }
  const figures = await takeTurns(contenders, rounds);
  const bytes = keyValueBytes(config, batch, columns);
  const line = { batch, columns, megabytes: short(bytes / 1e6) };
  const giga = (rate) => short(rate / 1e9);
  return [
    { ...line, layout: 'sum of all', GBPerSecond: giga((bytes / median(figures.sum)) * 1000) },
    ...layoutNames.map((layout) => ({
      ...line,
      layout,
      keysGBPerSecond: giga(median(figures[`${layout} keys`])),
      valuesGBPerSecond: giga(median(figures[`${layout} values`])),
    })),
  ];
}
