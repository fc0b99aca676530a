/**
 * The decode graph: one ONNX Loop that runs a chunk of steps for a batch, sampling inside. The prefix's keys and values are read
 * from outside the loop and never copied; the chunk's own grow from step to step. Weights are constants, so that the runtime may lay
 * them out for speed: a new policy version needs a new graph. Batch, prefix and chunk lengths are free from run to run.
 *
 * Knows one row per sequence; which sequences those are, and what becomes of their tokens, is decided outside.
 */
import { Builder } from '../graph/builder.js';
import type { Value } from '../graph/value.js';
import { decoderStack, decoderWeights, embed, logits } from '../model/decoder.js';
import type { ModelWeights } from '../model/weights.js';
import type { KvType } from './kv.js';
import { kvNames } from './kv-tensors.js';
import { sample } from './sampler.js';
import { StepAttention, StepRotation } from './step-attention.js';

/** What a batch needs beyond plain sampling; each costs a little at every step, so it is left out unless asked for. */
export interface DecodeVariant {
  /** Siblings read one copy of their prompt's keys and values. */
  readonly shared: boolean;
  /** Some row takes the most likely token. */
  readonly greedy: boolean;
  /** Some row has a top-k or top-p limit. */
  readonly filtered: boolean;
  /** Some row has more than one stop token. */
  readonly manyStops: boolean;
  /** Products take the weights as their left side; see `weightsFirstPays`. */
  readonly weightsFirst: boolean;
}

/**
 * The graph's inputs and outputs are those that `decode-run.ts` feeds and reads. B rows, P prefix columns, K steps.
 * @param dtype of weights, activations, keys and values; sampling is float32 always
 */
export function decodeGraph(
  { layout, constantOf }: ModelWeights,
  variant: DecodeVariant,
  dtype: KvType = 'float32',
): Builder {
  const { config } = layout;
  const { weightsFirst } = variant;
  const b = new Builder();
  const weights = decoderWeights(layout, (block) => b.cast(constantOf(b, block), dtype));
  const token = b.input('token', 'int64', ['B', 1]);
  const position = b.input('position', 'int64', ['B', 1]);
  const uniforms = b.input('uniforms', 'float32', ['K', 'B', 1]);
  const left = b.input('left', 'int64', ['B', 1]);
  /** Steps of single rows after their end that are put up with, plus one. */
  const patience = b.input('patience', 'int64', []);
  const stops = b.input('stops', 'int64', ['B', variant.manyStops ? 'stops' : 1]);
  const inverseTemperature = b.input('inverseTemperature', 'float32', ['B', 1]);
  const greedy = variant.greedy ? { greedy: b.input('greedy', 'bool', ['B', 1]) } : {};
  const limits = variant.filtered
    ? { limits: { topK: b.input('topK', 'int64', ['B', 1]), topP: b.input('topP', 'float32', ['B', 1]) } }
    : {};
  const attention = new StepAttention(b, config, variant.shared, dtype);
  const rotation = new StepRotation(b, config, position, dtype);
  const rows = b.product(['B', config.kvHeads]);
  const empty = b.zeros([rows, 0, config.headSize], dtype);
  const batch = b.reshape(b.dimension('B'), []);

  const { carried, stacked } = b.loop(
    b.reshape(b.dimension('K'), []),
    [
      { name: 'token', initial: token },
      { name: 'left', initial: left },
      { name: 'patience', initial: patience },
      ...kvNames('chunk', config.layers).map((name) => ({
        name,
        initial: empty,
        bodyShape: [rows, 't', config.headSize],
        finalShape: [rows, 'steps', config.headSize],
      })),
    ],
    ({ graph: body, trip, carried: [before, leftBefore, patienceBefore, ...chunk] }) => {
      const grown: Value[] = [];
      const attend = (qkv: Value, layer: number) => {
        const { q, k, v } = rotation.heads(body, qkv, trip);
        const keys = body.concat([chunk[2 * layer]!, k], 1); // [B*G, t+1, D]
        const values = body.concat([chunk[2 * layer + 1]!, v], 1);
        grown.push(keys, values);
        return attention.attend(body, layer, { q, keys, values });
      };
      const x = embed(body, weights, before!); // [B, C]
      const hidden = decoderStack(body, config, weights, x, attend, { inference: true, weightsFirst });
      const next = sample(body, {
        logits: body.cast(logits(body, weights, hidden, weightsFirst), 'float32'),
        uniform: body.gather(uniforms, trip, 0),
        inverseTemperature,
        ...greedy,
        ...limits,
      });
      const hit = stopHit(body, stops, next.token, variant.manyStops);
      const leftAfter = body.where(hit, 0, body.sub(leftBefore!, 1)); // [B, 1]
      const running = body.reduceSum(body.clip(leftAfter, 0, 1), [0, 1]); // []
      // Every row that would step on after its end takes one off: the loop ends while it still could, at 0.
      const patienceAfter = body.add(patienceBefore!, body.sub(running, batch));
      const goOn = body.greater(body.min(running, patienceAfter), 0);
      return { goOn, carried: [next.token, leftAfter, patienceAfter, ...grown], stacked: [next.token, next.logProb] };
    },
  );
  b.output('tokens', b.cast(stacked[0]!, 'int32')); // [steps, B, 1]
  b.output('logProbs', stacked[1]!); // [steps, B, 1]
  kvNames('new', config.layers).forEach((name, i) => {
    b.output(name, carried[3 + i]!); // [B*G, steps, D]
  });
  return b;
}

/** bool [B, 1]: whether the token is one of its row's stop tokens. */
function stopHit(b: Builder, stops: Value, token: Value, many: boolean): Value {
  const equal = b.equal(stops, token); // [B, stops]
  return many ? b.cast(b.reduceMax(b.cast(equal, 'int32'), [1], true), 'bool') : equal;
}
