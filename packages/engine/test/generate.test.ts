// Ends of one sequence, and the packing of keys and values: the parts of generate/ that need no graph.
import type { SequenceRequest } from '@segue/core';
import t from 'tap';
import { type KvBlock, KvPacker, type KvShape, packKv, takePieces } from '../dist/generate/kv.js';
import { PromptCache, sharedLayout, sharingPays } from '../dist/generate/prompt-cache.js';
import { requireSequence, Sequence } from '../dist/generate/sequence.js';

const request: SequenceRequest = {
  id: 'r-g0-t0',
  promptKey: 'p',
  promptTokens: Int32Array.of(1, 2, 3),
  responseTokens: Int32Array.of(),
  seed: 1,
  sampling: { temperature: 1, topK: 0, topP: 1 },
  stopTokens: [9],
  budgetTokens: 5,
  capTokens: 8,
  lastSpan: false,
  repeat: null,
};
const repeat = { maxPeriod: 1, minRepeats: 2, minTokens: 3 };

/** Feeds tokens until the sequence ends; how it ended and after how many. */
function run(overrides: Partial<SequenceRequest>, tokens: readonly number[]) {
  const sequence = new Sequence({ ...request, ...overrides });
  for (const token of tokens) if (!sequence.end) sequence.push(token, -1);
  const { endReason, tokens: kept, logProbs } = sequence.result(0);
  t.equal(kept.length, logProbs.length);
  return `${endReason} ${kept.length}`;
}

t.test('end reason is the first of stop, repeat, length, budget, yield', async (t) => {
  t.equal(run({}, [4, 5, 9, 4]), 'stop 3', 'a stop token');
  t.equal(run({ repeat }, [4, 5, 5, 5, 5]), 'repeat 4', 'a repetition');
  t.equal(run({ budgetTokens: 50 }, [4, 5, 4, 5, 4, 5, 4, 5, 4]), 'length 8', 'the cap');
  t.equal(run({}, [4, 5, 4, 5, 4, 5]), 'budget 5', 'the budget');
  t.equal(run({}, [4, 5]), 'yield 2', 'none of these: someone cut it');
  const five = { budgetTokens: 5, capTokens: 5 };
  t.equal(run({ ...five, repeat, stopTokens: [5] }, [4, 4, 7, 7, 5]), 'stop 5', 'stop before length and budget');
  t.equal(run({ ...five, repeat: { ...repeat, minTokens: 4 }, stopTokens: [5] }, [4, 5, 4, 5]), 'stop 2');
  t.equal(run({ ...five, repeat, stopTokens: [] }, [4, 4, 5, 5, 5]), 'repeat 5', 'repeat before length and budget');
  t.equal(run({ ...five, repeat, stopTokens: [5] }, [4, 4, 6, 5, 5]), 'stop 4');
  t.equal(run(five, [4, 4, 6, 7, 4]), 'length 5', 'length before budget');
});

t.test('on the last span length is written where it would be budget or yield', async (t) => {
  t.equal(run({ lastSpan: true }, [4, 5, 4, 5, 4]), 'length 5');
  t.equal(run({ lastSpan: true }, [4, 5]), 'length 2');
  t.equal(run({ lastSpan: true }, [4, 9]), 'stop 2');
  t.equal(run({ lastSpan: true, repeat }, [4, 4, 4]), 'repeat 3');
});

t.test('budget counts newly generated tokens only; the cap counts all response tokens', async (t) => {
  const resumed = { responseTokens: Int32Array.of(4, 5, 6, 7), capTokens: 20 };
  t.equal(run(resumed, [4, 5, 4, 5, 4, 5]), 'budget 5', 'earlier tokens do not count in the budget');
  t.equal(run({ ...resumed, capTokens: 7 }, [4, 5, 4, 5]), 'length 3', 'but they do in the cap');
  t.equal(new Sequence({ ...request, ...resumed }).allowance, 5);
  t.equal(new Sequence({ ...request, ...resumed, capTokens: 6 }).allowance, 2);
});

t.test('whether a trajectory is finished is decided by the end reason alone', async (t) => {
  t.equal(run({ budgetTokens: 3 }, [4, 5, 9]), 'stop 3', 'a stop token on the boundary of the budget');
  t.equal(run({ budgetTokens: 3, capTokens: 4 }, [4, 5, 6]), 'budget 3', 'as long as a finished one, and not finished');
});

t.test('repeat detection goes on across segments', async (t) => {
  const rule = { maxPeriod: 2, minRepeats: 3, minTokens: 6 };
  t.equal(run({ repeat: rule, responseTokens: Int32Array.of(4, 5, 4), capTokens: 20 }, [5, 4, 5, 4, 5]), 'repeat 3');
});

t.test('a sequence reads its newest token next, wherever it comes from', async (t) => {
  const fresh = new Sequence(request);
  t.same([fresh.lastToken, fresh.lastPosition], [3, 2], 'the last of the prompt');
  fresh.push(6, -1);
  t.same([fresh.lastToken, fresh.lastPosition, fresh.responseTokens], [6, 3, 1]);
  const resumed = new Sequence({ ...request, responseTokens: Int32Array.of(4, 5) });
  t.same([resumed.lastToken, resumed.lastPosition, resumed.responseTokens], [5, 4, 2], 'the last of the response');
});

t.test('requests that cannot be generated are refused by the name of the field', async (t) => {
  const bounds = { vocabularySize: 10, maxContextTokens: 12 };
  requireSequence(request, bounds);
  const cases: [Partial<SequenceRequest>, RegExp][] = [
    [{ promptTokens: Int32Array.of() }, /prompt is empty/],
    [{ promptTokens: Int32Array.of(1, 10) }, /promptTokens\[1\] is 10/],
    [{ responseTokens: Int32Array.of(-1) }, /responseTokens\[0\] is -1/],
    [{ stopTokens: [3, 11] }, /stopTokens\[1\] is 11/],
    [{ capTokens: 10 }, /13 tokens, past the policy's context of 12/],
    [{ capTokens: 2, responseTokens: Int32Array.of(1, 2) }, /capTokens must exceed/],
    [{ budgetTokens: 0 }, /budgetTokens/],
    [{ sampling: { temperature: -1, topK: 0, topP: 1 } }, /temperature/],
    [{ sampling: { temperature: Number.NaN, topK: 0, topP: 1 } }, /temperature/],
    [{ sampling: { temperature: 1, topK: -1, topP: 1 } }, /topK/],
    [{ sampling: { temperature: 1, topK: 0, topP: 0 } }, /topP/],
    [{ repeat: { maxPeriod: 0, minRepeats: 2, minTokens: 2 } }, /maxPeriod/],
  ];
  for (const [overrides, message] of cases) {
    t.throws(() => requireSequence({ ...request, ...overrides }, bounds), { code: 'INVALID_INPUT', message });
  }
});

const shape: KvShape = { layers: 2, kvHeads: 2, headSize: 2 };

/** A block whose every value tells where it stands: array, row, head, column, element. */
function numbered(rows: number, columns: number, base: number): KvBlock {
  const arrays = Array.from({ length: 2 * shape.layers }, (_, a) =>
    Float32Array.from({ length: rows * shape.kvHeads * columns * shape.headSize }, (_, i) => base + 1000 * a + i),
  );
  return { arrays, rows, columns };
}

/** The values of one row, per array and head. */
function rowOf(block: KvBlock, row: number, length: number): number[][] {
  return block.arrays.flatMap((array) =>
    Array.from({ length: shape.kvHeads }, (_, head) => {
      const start = (row * shape.kvHeads + head) * block.columns * shape.headSize;
      return Array.from(array.subarray(start, start + length * shape.headSize));
    }),
  );
}

t.test('packing joins the pieces of each row, whatever blocks they lie in', async (t) => {
  const prompt = numbered(1, 3, 10_000);
  const old = numbered(3, 4, 20_000);
  const chunk = numbered(3, 2, 30_000);
  const block = packKv(shape, [
    [
      { block: prompt, row: 0, from: 0, length: 3 },
      { block: old, row: 2, from: 1, length: 2 },
      { block: chunk, row: 2, from: 0, length: 2 },
    ],
    [{ block: old, row: 0, from: 0, length: 4 }],
    [],
  ]);
  t.equal(block.columns, 7);
  const part = (of: KvBlock, row: number, from: number, length: number) =>
    rowOf(of, row, of.columns).map((values) => values.slice(from * shape.headSize, (from + length) * shape.headSize));
  const parts = [part(prompt, 0, 0, 3), part(old, 2, 1, 2), part(chunk, 2, 0, 2)];
  t.same(
    rowOf(block, 0, 7),
    parts[0]!.map((_, i) => parts.flatMap((p) => p[i]!)),
  );
  t.same(rowOf(block, 1, 4), part(old, 0, 0, 4));
  t.same(
    takePieces(
      [
        { block: old, row: 0, from: 1, length: 3 },
        { block: chunk, row: 0, from: 0, length: 2 },
      ],
      4,
    ).map((p) => p.length),
    [3, 1],
  );
});

t.test('packing a batch that shrinks and grows keeps its rows and a bounded amount of memory', async (t) => {
  const packer = new KvPacker(shape);
  let block = packer.pack([[{ block: numbered(1, 5, 0), row: 0, from: 0, length: 5 }], []]);
  const expected = rowOf(block, 0, 5);
  for (let i = 0; i < 40; i++) {
    const others = Array.from({ length: i % 7 }, () => [{ block: numbered(1, 60, 0), row: 0, from: 0, length: 60 }]);
    const row = others.length;
    block = packer.pack([...others, [{ block, row: i === 0 ? 0 : (i - 1) % 7, from: 0, length: 5 }]]);
    t.same(rowOf(block, row, 5), expected, `after pack ${i}`);
  }
  const largest = 7 * 60 * shape.kvHeads * shape.headSize * 4 * 2 * shape.layers;
  t.ok(packer.bytes <= 2 * 1.5 * largest, `${packer.bytes} bytes`);
});

t.test('siblings are laid out in a grid, each row once', async (t) => {
  const cache = new PromptCache();
  const [a, b] = [cache.hold('a', Int32Array.of(1, 2)), cache.hold('b', Int32Array.of(3))];
  const rows = [a, b, a, a];
  const { prompts, members, rowOfCell, cellOfRow } = sharedLayout(rows, 2);
  t.same([prompts.map((p) => p.key), members], [['a', 'b'], 3]);
  t.equal(rowOfCell.length, 2 * 2 * 3);
  t.same(
    [...cellOfRow].map((cell) => rowOfCell[Number(cell)]),
    [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n],
    'the cell of a row reads that row',
  );
  t.throws(() => cache.hold('a', Int32Array.of(1, 3)), /two different prompts/);
  cache.release(a);
  t.equal(cache.size, 1, 'the last sibling takes the prompt along');
});

t.test('prompts are shared where many siblings have a long one, and copied where few have a short one', async (t) => {
  const small: KvShape = { layers: 4, kvHeads: 2, headSize: 32 };
  const rows = (groups: number, members: number, length: number) => {
    const cache = new PromptCache();
    return Array.from({ length: groups * members }, (_, i) => {
      const group = i % groups;
      return cache.hold(`p${group}`, new Int32Array(length).fill(group));
    });
  };
  t.equal(sharingPays(rows(4, 8, 256), small), true);
  t.equal(sharingPays(rows(4, 8, 16), small), false);
  t.equal(sharingPays(rows(32, 1, 256), small), false, 'nothing to share');
});
