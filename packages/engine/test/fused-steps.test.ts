/* An optimiser step in one run (micro-batches, clipping and AdamW inside the graph) against the same step taken in parts. */
import t from 'tap';
import { TrainingEngine } from '../dist/index.js';
import { relativeError } from './reference-data.js';
import { tinyConfig, tinyParameters } from './tiny-policy.js';
import { policyRows, someRows } from './tiny-rows.js';

const tinyEngine = (options = {}) => new TrainingEngine(tinyConfig, tinyParameters(1), { threads: 1, ...options });
const sameBits = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i]);

t.test('a step in one run, micro-batches, clipping and AdamW inside, is the step taken in parts', async (t) => {
  // A large epsilon, since AdamW turns the rounding of gradients near zero into whole steps.
  const options = { maxTokensPerMicroBatch: 96, optimizer: { weightDecay: 0.1, epsilon: 1e-2 } };
  const [parts, fused] = [tinyEngine({ ...options, fuseSteps: false }), tinyEngine({ ...options, fuseSteps: true })];
  t.teardown(() => Promise.all([parts.dispose(), fused.dispose()]));
  const rows = await policyRows(parts, someRows(20));
  rows[4]!.mask.fill(0);
  const order = { tau: 0.2, learningRate: 1e-3 };
  // The first begins without state, the second reads it, the third forgets it, the fourth begins anew.
  for (const thenReset of [false, false, true, false]) {
    const [one, other] = [
      await parts.policyStep(rows, { ...order, thenReset }),
      await fused.policyStep(rows, { ...order, thenReset }),
    ];
    t.ok(other.microBatches > 3);
    t.equal(other.steps, one.steps);
    t.equal(other.clipped, one.clipped);
    for (const key of ['loss', 'gradientNorm', 'entropy', 'squaredLogRatio'] as const) {
      t.ok(
        Math.abs(one[key] - other[key]) <= 1e-5 * Math.abs(one[key]) + 1e-6,
        `${key}: ${one[key]} and ${other[key]}`,
      );
    }
    t.ok(relativeError(other.logRatios, one.logRatios) < 1e-4);
    const [own, others] = [one, other].map(({ logProbs }) => logProbs.flatMap((values) => [...values])) as [
      number[],
      number[],
    ];
    const furthest = Math.max(...own.map((value, i) => Math.abs(value - others[i]!)));
    // The parameters that the later ones are taken under differ by rounding already.
    t.ok(furthest < 5e-5, `log-probs apart by ${furthest}`);
    const apart = relativeError(fused.parameters, parts.parameters);
    t.ok(apart < 1e-6, `parameters apart by ${apart}`);
  }
  const [one, other] = [await parts.supervisedStep(rows, 1e-3), await fused.supervisedStep(rows, 1e-3)];
  t.equal(other.steps, 2);
  t.ok(Math.abs(one.loss - other.loss) < 1e-5);
  t.ok(relativeError(fused.parameters, parts.parameters) < 1e-6);
  t.same((await fused.logProbs([])).logProbs, []);
});

t.test('a step in one run whose gradient is not finite changes nothing', async (t) => {
  const engine = tinyEngine({ fuseSteps: true });
  t.teardown(() => engine.dispose());
  const rows = await policyRows(engine, someRows(6));
  await engine.policyStep(rows, { tau: 0.2, learningRate: 1e-3 });
  const before = engine.parameters.slice();
  const broken = rows.map((row) => ({ ...row, advantage: Number.POSITIVE_INFINITY }));
  await t.rejects(engine.policyStep(broken, { tau: 0.2, learningRate: 1e-3 }), {
    code: 'FAILED_PRECONDITION',
    message: /norm is/,
  });
  t.ok(sameBits(engine.parameters, before));
  const twin = tinyEngine({ fuseSteps: true });
  t.teardown(() => twin.dispose());
  await twin.policyStep(rows, { tau: 0.2, learningRate: 1e-3 });
  const [after, expected] = [engine, twin].map((one) => one.policyStep(rows, { tau: 0.2, learningRate: 1e-3 }));
  t.equal((await after!).steps, (await expected!).steps);
  t.ok(sameBits(engine.parameters, twin.parameters), 'the optimiser too is as it was');
});

t.test('the product that tells whether a run rounds changes none of its results', async (t) => {
  const rows = someRows(8);
  for (const fuseSteps of [true, false]) {
    const engines = [true, false].map((checkProducts) =>
      tinyEngine({ fuseSteps, checkProducts, maxTokensPerMicroBatch: 96 }),
    );
    const [checked, plain] = await Promise.all(
      engines.map(async (engine) => {
        t.teardown(() => engine.dispose());
        const order = { tau: 0.2, learningRate: 1e-3 };
        const policy = await policyRows(engine, rows);
        // The first writes over what it reads, and would be a step further had it been run twice.
        const steps = [await engine.policyStep(policy, order), await engine.policyStep(policy, order)];
        const { logProbs } = await engine.logProbs(rows);
        return { parameters: engine.parameters, norms: steps.map(({ gradientNorm }) => gradientNorm), logProbs };
      }),
    );
    t.same(checked!.norms, plain!.norms);
    t.ok(sameBits(checked!.parameters, plain!.parameters));
    t.ok(checked!.logProbs.every((values, row) => sameBits(values, plain!.logProbs[row]!)));
  }
});

t.test('without a marked token there is nothing to step with', async (t) => {
  const engine = tinyEngine({ fuseSteps: true });
  const rows = someRows(2).map((row) => ({ ...row, mask: new Uint8Array(row.mask.length) }));
  await t.rejects(engine.supervisedStep(rows, 1e-3), { code: 'FAILED_PRECONDITION' });
});
