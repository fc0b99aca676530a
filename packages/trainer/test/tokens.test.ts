/** Which log-probs and tokens an iteration learns from, and that the share of trained tokens can be read. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainProgress } from '@segue/core';
import { createMetrics } from '@segue/service';
import t, { type Test } from 'tap';
import { defineTrainerMetrics, observeProgress } from '../dist/metrics.js';
import { batch, group, startTrainer, tinyConfig } from './support/tiny-run.js';

const never = new AbortController().signal;

async function last(messages: AsyncIterable<TrainProgress>): Promise<TrainProgress> {
  let newest: TrainProgress | null = null;
  for await (const message of messages) newest = message;
  return newest!;
}

/** Weights after an iteration whose right answer began under version 0. @param oldLogProb what the actor recorded there */
async function trained(t: Test, oldLogProb: number, importance: { enabled: boolean; clip: number }) {
  const { trainer, replay } = await startTrainer(t, tinyConfig({ train: { importance, learningRate: 1e-2 } }));
  await trainer.initialize('r');
  replay.batches.set(0, { policyVersion: 0, groups: batch('r') });
  await last(trainer.train('r', 0, never));
  const right = [
    { text: 'aa', version: 0, logProb: oldLogProb },
    { text: 'aa', version: 1 },
  ];
  const wrong = [{ text: 'bb', version: 1 }];
  const groups = [
    group('r', 0, [
      [1, right],
      [0, wrong],
    ]),
  ];
  replay.batches.set(1, { policyVersion: 1, groups });
  const done = await last(trainer.train('r', 1, never));
  const weights = await readFile(join(done.version!.folder, 'model.safetensors'));
  return { weights, metrics: JSON.parse(done.metricsJson) };
}

t.test('all: reference log-probs are recomputed under policy i, whatever the actors recorded', async (t) => {
  const off = { enabled: false, clip: 2 };
  const [one, other] = [await trained(t, -2, off), await trained(t, -6, off)];
  t.ok(one.weights.equals(other.weights), 'recorded log-probs have no part in the loss');
  t.equal(one.metrics.importanceClippedShare, 0);
});

t.test('importance weights are optional and truncated', async (t) => {
  const on = { enabled: true, clip: 2 };
  // Policy i gives these tokens about 1 in 9: far likelier than e^-8 and e^-9, far less likely than 1.
  const [rare, rarer, sure] = [await trained(t, -8, on), await trained(t, -9, on), await trained(t, -0.01, on)];
  t.ok(rare.weights.equals(rarer.weights), 'past the bound the ratio changes nothing');
  t.ok(Math.abs(rare.metrics.importanceClippedShare - 2 / 6) < 1e-9, 'counted over trained tokens');
  t.notOk(sure.weights.equals(rare.weights), 'below it it does');
  t.equal(sure.metrics.importanceClippedShare, 0);
});

t.test('the share of trained tokens is exported as a metric', async (t) => {
  const metrics = createMetrics('trainer', 'test');
  const { trainer, replay } = await startTrainer(t, tinyConfig({ train: { tokens: 'current' } }));
  await trainer.initialize('r');
  const old = [
    { text: 'ab', version: 1 },
    { text: 'aa', version: 0 },
  ];
  const groups = [
    group('r', 0, [
      [1, old],
      [0, [{ text: 'bbbb', version: 0 }]],
    ]),
  ];
  replay.batches.set(0, { policyVersion: 0, groups });
  observeProgress(defineTrainerMetrics(metrics), 'train', await last(trainer.train('r', 0, never)));
  const text = await metrics.registry.metrics();
  t.match(text, /^segue_trainer_trained_token_share\{[^}]*\} 0\.75$/m, 'six of eight');
  t.match(text, /^segue_trainer_trained_tokens_total\{[^}]*\} 6$/m);
  t.match(text, /^segue_trainer_token_age_max\{[^}]*\} 0$/m, 'what is trained was written by the version that samples');
});
