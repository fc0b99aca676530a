/** A run is refused for what the engine would refuse of every sequence. */
import { parseRunConfig, type RunConfigInput } from '@segue/core';
import { createCharacterTokenizer } from '@segue/tokenizer';
import t from 'tap';
import { requireNewBounds, requireStopTokens } from '../dist/runnable.js';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJ';

t.test('bounds of the configuration are those of the engine', async (t) => {
  const refuse = (input: RunConfigInput, message: RegExp) => t.throws(() => parseRunConfig(input, 'test'), { message });
  refuse({ rollout: { repeat: { minTokens: 1 } } }, /minTokens/);
  const off = { rollout: { repeat: { enabled: false, minTokens: 1 } } };
  t.ok(parseRunConfig(off, 'test'), 'what is switched off bounds nothing');
  for (const temperature of [0, 0.01]) requireNewBounds(parseRunConfig({ evaluation: { temperature } }, 'test'));
  const cold = parseRunConfig({ evaluation: { temperature: 0.005 } }, 'of a stored run');
  t.throws(() => requireNewBounds(cold), {
    code: 'INVALID_CONFIG',
    message: /evaluation.temperature must be 0 \(greedy\) or at least 0.01, got 0.005/,
  });
});

t.test('a run with more stop tokens than the engine compares is refused', async (t) => {
  const tokenizers = { of: async () => createCharacterTokenizer(letters) };
  const policy = { ref: { runId: 'r', version: 0, manifestSha256: '' }, parent: 0, bytes: 0, folder: '' };
  const check = (count: number) =>
    requireStopTokens(tokenizers, policy, parseRunConfig({ rollout: { stop: [...letters].slice(0, count) } }, 'test'));
  await check(31);
  await t.rejects(check(32), { code: 'INVALID_CONFIG', message: /there are 33, and at most 32/ });
});
