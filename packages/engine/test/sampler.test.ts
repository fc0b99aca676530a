// The sampler's nodes alone: distributions, limits, greedy rows.
import { tokenUniform } from '@segue/core';
import t from 'tap';
import { type SamplerInputs, sample } from '../dist/generate/sampler.js';
import { Builder } from '../dist/graph/builder.js';
import { emit } from '../dist/graph/emit.js';
import { Session, type Tensors, tensor } from '../dist/graph/session.js';

const logits = [2, -1, 0.5, 0.5, -3, 1.2, 0, -0.4, 1.9, -2];
const size = logits.length;

async function samplerSession(variant: { greedy?: boolean; limits?: boolean }): Promise<Session> {
  const b = new Builder();
  const inputs: SamplerInputs = {
    logits: b.input('logits', 'float32', ['B', size]),
    uniform: b.input('uniform', 'float32', ['B', 1]),
    inverseTemperature: b.input('inverseTemperature', 'float32', ['B', 1]),
    ...(variant.greedy ? { greedy: b.input('greedy', 'bool', ['B', 1]) } : {}),
    ...(variant.limits
      ? { limits: { topK: b.input('topK', 'int64', ['B', 1]), topP: b.input('topP', 'float32', ['B', 1]) } }
      : {}),
  };
  const { token, logProb } = sample(b, inputs);
  b.output('token', token);
  b.output('logProb', logProb);
  const session = await Session.create(emit(b));
  t.teardown(() => session.dispose());
  return session;
}

interface Draw {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
}

const draws = 20_000;

/** Many draws from the same logits, with the uniforms of one trajectory. */
async function draw(session: Session, { temperature = 1, topK, topP }: Draw, extra: Tensors = {}) {
  const column = (value: (i: number) => number) =>
    tensor(
      'float32',
      [draws, 1],
      Float32Array.from({ length: draws }, (_, i) => value(i)),
    );
  const { token, logProb } = await session.run({
    logits: tensor(
      'float32',
      [draws, size],
      Float32Array.from({ length: draws * size }, (_, i) => logits[i % size]!),
    ),
    uniform: column((i) => tokenUniform(5, 'sampler', i)),
    inverseTemperature: column(() => 1 / temperature),
    ...(topK === undefined ? {} : { topK: tensor('int64', [draws, 1], new BigInt64Array(draws).fill(BigInt(topK))) }),
    ...(topP === undefined ? {} : { topP: column(() => topP) }),
    ...extra,
  });
  return {
    tokens: Array.from(token!.data as BigInt64Array, Number),
    logProbs: Array.from(logProb!.data as Float32Array),
  };
}

function softmax(temperature = 1): number[] {
  const weights = logits.map((logit) => Math.exp(logit / temperature));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** The distribution under the limits, from their definition. */
function limited(topK: number, topP: number): number[] {
  const p = softmax();
  const order = p.map((_, token) => token).sort((a, b) => p[b]! - p[a]! || a - b);
  const first = order.slice(0, topK);
  const mass = first.reduce((sum, token) => sum + p[token]!, 0);
  const kept: number[] = [];
  let reached = 0;
  for (const token of first) {
    if (reached >= topP * mass && kept.length > 0) break;
    kept.push(token);
    reached += p[token]!;
  }
  return p.map((value, token) => (kept.includes(token) ? value / reached : 0));
}

/** Pearson's statistic; Infinity when something was drawn that has no probability. */
function chiSquare(tokens: readonly number[], expected: readonly number[]): number {
  return expected.reduce((sum, p, token) => {
    const seen = tokens.filter((drawn) => drawn === token).length;
    if (p === 0) return seen === 0 ? sum : Number.POSITIVE_INFINITY;
    return sum + (seen - p * tokens.length) ** 2 / (p * tokens.length);
  }, 0);
}

/** Chance 0.001 for 9 degrees of freedom; fewer are stricter. */
const critical = 27.9;

t.test('tokens are drawn with the probabilities of the softmax at the temperature', async (t) => {
  const session = await samplerSession({});
  for (const temperature of [1, 0.5, 2]) {
    const expected = softmax(temperature);
    const { tokens, logProbs } = await draw(session, { temperature });
    t.ok(chiSquare(tokens, expected) < critical, `temperature ${temperature}`);
    t.ok(chiSquare(tokens, softmax(temperature * 1.2)) > critical, 'the check can fail');
    const error = Math.max(...tokens.map((token, i) => Math.abs(logProbs[i]! - Math.log(expected[token]!))));
    t.ok(error < 1e-5, `log-probs are those of the softmax: ${error}`);
  }
});

t.test(
  'top-k and top-p draw from the limited distribution; log-probs stay those of the whole vocabulary',
  async (t) => {
    const session = await samplerSession({ limits: true });
    const full = softmax();
    for (const [topK, topP] of [
      [1, 2],
      [3, 2],
      [size, 0.5],
      [size, 0.9],
      [4, 0.7],
      [2, 0.01],
    ] as const) {
      const { tokens, logProbs } = await draw(session, { topK, topP });
      t.ok(chiSquare(tokens, limited(topK, topP)) < critical, `top-k ${topK}, top-p ${topP}`);
      const error = Math.max(...tokens.map((token, i) => Math.abs(logProbs[i]! - Math.log(full[token]!))));
      t.ok(error < 1e-5, 'log-probs');
    }
  },
);

t.test('a row without limits draws the same token in a batch with limits', async (t) => {
  const plain = await draw(await samplerSession({}), {});
  const beside = await draw(
    await samplerSession({ limits: true, greedy: true }),
    { topK: size, topP: 2 },
    {
      greedy: tensor(
        'bool',
        [draws, 1],
        Uint8Array.from({ length: draws }, (_, i) => i % 2),
      ),
    },
  );
  t.same(
    beside.tokens.filter((_, i) => i % 2 === 0),
    plain.tokens.filter((_, i) => i % 2 === 0),
  );
  t.ok(
    beside.tokens.every((token, i) => i % 2 === 0 || token === 0),
    'and greedy rows take the most likely',
  );
});

t.test('a uniform number at the edges of its range draws a token that has probability', async (t) => {
  const session = await samplerSession({ limits: true });
  for (const value of [0.5 / 2 ** 24, 1 - 0.5 / 2 ** 24]) {
    const uniform = tensor('float32', [draws, 1], new Float32Array(draws).fill(value));
    const { tokens } = await draw(session, { topK: 2, topP: 2 }, { uniform });
    t.ok(
      tokens.every((token) => token === (value < 0.5 ? 0 : 8)),
      `uniform ${value}`,
    );
  }
});

t.test('a large vocabulary, searched in blocks, gives the first token that reaches the uniform number', async (t) => {
  // One that fills its blocks, and one whose last block is not full.
  for (const vocabulary of [1024, 601]) {
    const rows = 512;
    const b = new Builder();
    const { token, logProb } = sample(b, {
      logits: b.input('logits', 'float32', ['B', vocabulary]),
      uniform: b.input('uniform', 'float32', ['B', 1]),
      inverseTemperature: b.input('inverseTemperature', 'float32', ['B', 1]),
      limits: { topK: b.input('topK', 'int64', ['B', 1]), topP: b.input('topP', 'float32', ['B', 1]) },
    });
    b.output('token', token);
    b.output('logProb', logProb);
    const session = await Session.create(emit(b));
    t.teardown(() => session.dispose());
    const values = Float32Array.from({ length: rows * vocabulary }, (_, i) => 4 * tokenUniform(7, 'logits', i) - 2);
    const draws = (uniforms: Float32Array, topK: number) =>
      session.run({
        logits: tensor('float32', [rows, vocabulary], values),
        uniform: tensor('float32', [rows, 1], uniforms),
        inverseTemperature: tensor('float32', [rows, 1], new Float32Array(rows).fill(1)),
        topK: tensor('int64', [rows, 1], new BigInt64Array(rows).fill(BigInt(topK))),
        topP: tensor('float32', [rows, 1], new Float32Array(rows).fill(2)),
      });
    const uniforms = Float32Array.from({ length: rows }, (_, row) => tokenUniform(5, 'blocks', row));
    const { token: drawn, logProb: given } = await draws(uniforms, vocabulary);
    let worst = { distance: 0, logProb: 0 };
    for (let row = 0; row < rows; row++) {
      const weights = Array.from(values.subarray(row * vocabulary, (row + 1) * vocabulary), Math.exp);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const at = Number((drawn!.data as BigInt64Array)[row]);
      const before = weights.slice(0, at).reduce((sum, weight) => sum + weight, 0) / total;
      const share = weights[at]! / total;
      // How far the number lies outside the token's stretch of the cumulative probability.
      const outside = Math.max(before - uniforms[row]!, uniforms[row]! - before - share, 0);
      const error = Math.abs((given!.data as Float32Array)[row]! - Math.log(share));
      worst = { distance: Math.max(worst.distance, outside), logProb: Math.max(worst.logProb, error) };
    }
    t.ok(worst.distance < 1e-6, `${vocabulary} tokens: at most ${worst.distance} outside`);
    t.ok(worst.logProb < 1e-5, `log-probs: ${worst.logProb}`);
    for (const edge of [0.5 / 2 ** 24, 1 - 0.5 / 2 ** 24]) {
      const { token: kept } = await draws(new Float32Array(rows).fill(edge), 3);
      const foreign = Array.from(kept!.data as BigInt64Array, Number).filter((at, row) => {
        const own = values.subarray(row * vocabulary, (row + 1) * vocabulary);
        return own.filter((value) => value > own[at]!).length >= 3;
      });
      t.same(foreign, [], `uniform ${edge}: only the three most likely tokens`);
    }
  }
});
