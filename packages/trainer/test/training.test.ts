/** Training with a tiny real policy: the warm-up and the iterations. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assembleBatch, type CompleteGroup, type PolicyVersionInfo, SegueError, type TrainProgress } from '@segue/core';
import { TrainingWorker } from '@segue/engine';
import t from 'tap';
import { initializePolicy } from '../dist/initialize.js';
import { policyOpening, warmupOpening } from '../dist/learner.js';
import { learningRateAt, supervisedRow, supervisedSteps } from '../dist/warmup-batches.js';
import { batch, group, startTrainer, tinyConfig, tokenizer, warmupProblems } from './support/tiny-run.js';

const never = new AbortController().signal;

interface Outcome {
  readonly version: PolicyVersionInfo;
  readonly metrics: Record<string, number | null>;
  readonly stages: readonly string[];
}

async function outcome(messages: AsyncIterable<TrainProgress>): Promise<Outcome> {
  const all: TrainProgress[] = [];
  for await (const message of messages) all.push(message);
  const last = all.at(-1)!;
  return { version: last.version!, metrics: JSON.parse(last.metricsJson), stages: all.map(({ stage }) => stage) };
}

const weights = (version: PolicyVersionInfo) => readFile(join(version.folder, 'model.safetensors'));

t.test(
  'supervised warm-up: loss on the response alone, it falls, and the same inputs are not worked on twice',
  async (t) => {
    const warmup = { steps: 40, tokensPerStep: 512, learningRate: 0.01, finalLearningRate: 0.001, rampSteps: 4 };
    const { trainer, replay } = await startTrainer(t, tinyConfig({ warmup }));
    replay.problems = warmupProblems(24);
    const start = await trainer.initialize('r');
    const losses: number[] = [];
    const watched = trainer.fineTune('r', 0, true, never);
    let last: TrainProgress | null = null;
    for await (const message of watched) {
      if (message.stage === 'train') losses.push(JSON.parse(message.metricsJson).loss);
      last = message;
    }
    t.equal(losses.length, 40);
    t.ok(losses.at(-1)! < 0.6 * losses[0]!, `loss falls: ${losses[0]} -> ${losses.at(-1)}`);
    const warmed = last!.version!;
    t.equal(warmed.ref.version, 0, 'version 0 is "after the warm-up"');
    t.not(warmed.ref.manifestSha256, start.ref.manifestSha256);
    t.equal(warmed.folder, start.folder, 'the path stays');
    const again = await outcome(trainer.fineTune('r', 0, true, never));
    t.strictSame(again.stages, ['done'], 'answered without training');
    t.equal(again.version.ref.manifestSha256, warmed.ref.manifestSha256);
    t.match(await trainer.initialize('r'), { ref: warmed.ref }, 'initialising a warmed-up run changes nothing');
    const another = tinyConfig({ warmup, seed: 99 });
    await t.rejects(initializePolicy(trainer.store, 'r', another), { code: 'ALREADY_EXISTS' }, 'nor is it another run');
    replay.problems = warmupProblems(23);
    await t.rejects(outcome(trainer.fineTune('r', 0, true, never)), { code: 'FAILED_PRECONDITION' });
  },
);

t.test('a cancelled warm-up writes nothing, and its repetition gives what it would have given', async (t) => {
  const config = tinyConfig({ warmup: { steps: 4, tokensPerStep: 128, rampSteps: 0 } });
  const straight = await startTrainer(t, config);
  straight.replay.problems = warmupProblems(8);
  await straight.trainer.initialize('r');
  const expected = await outcome(straight.trainer.fineTune('r', 0, true, never));

  const { trainer, replay } = await startTrainer(t, config);
  replay.problems = warmupProblems(8);
  const start = await trainer.initialize('r');
  const cancel = new AbortController();
  const cancelled = (async () => {
    for await (const { step } of trainer.fineTune('r', 0, true, cancel.signal)) if (step === 2) cancel.abort();
  })();
  await t.rejects(cancelled, { code: 'CANCELLED' });
  t.equal((await trainer.store.verify('r', 0)).manifestSha256, start.ref.manifestSha256, 'nothing was written');
  const repeated = await outcome(trainer.fineTune('r', 0, true, never));
  t.strictSame(await weights(repeated.version), await weights(expected.version), 'bit for bit');
});

t.test('warm-up rows mask the prompt, steps are seeded and bounded, the rate ramps up and decays', async (t) => {
  const [problem] = warmupProblems(1);
  const row = supervisedRow(problem!, (text) => tokenizer.encode(text), 2, 32);
  t.strictSame([...row.mask], [0, 0, 0, 1, 1, 1, 1], 'three response tokens and the end token');
  t.equal(row.tokens.at(-1), 2);
  t.throws(() => supervisedRow(problem!, (text) => tokenizer.encode(text), 2, 6), { message: /w0 has 7 tokens/ });
  t.throws(() => supervisedRow({ ...problem!, response: null }, (text) => tokenizer.encode(text), 2, 32), {
    code: 'INVALID_INPUT',
  });

  const rows = warmupProblems(10).map((one) => supervisedRow(one, (text) => tokenizer.encode(text), 2, 32));
  const take = (seed: number) => {
    const steps = supervisedSteps(rows, 48, seed);
    return Array.from({ length: 5 }, () => steps.next().value.map((one) => rows.indexOf(one)));
  };
  t.strictSame(take(1), take(1));
  t.notSame(take(1), take(2));
  t.ok(
    take(1).every((step) => step.length === 3),
    'three rows of 16 padded tokens',
  );
  t.equal(new Set(take(1).flat().slice(0, 10)).size, 10, 'an epoch sees every row once');

  const config = { ...tinyConfig().warmup, steps: 11, rampSteps: 2, learningRate: 1, finalLearningRate: 0.1 };
  const rates = Array.from({ length: 11 }, (_, step) => learningRateAt(config, step));
  t.strictSame(rates.slice(0, 3), [0.5, 1, 1]);
  t.ok(Math.abs(rates[10]! - 0.1) < 1e-9);
  t.ok(Math.abs(rates[6]! - 0.55) < 1e-9, 'half-way down the cosine');
});

t.test('a warm-up step is cut for less padding on a CPU, and only as far as the limit asks on a GPU', async (t) => {
  const maxTokens = (tokensPerStep: number, device: 'cpu' | 'cuda') => {
    const config = tinyConfig({ warmup: { tokensPerStep }, train: { maxTokensPerMicroBatch: 2048 } });
    t.equal(policyOpening(config).maxTokensPerMicroBatch, 2048, 'iterations are not cut further');
    return warmupOpening(config, device).maxTokensPerMicroBatch;
  };
  t.equal(maxTokens(6000, 'cpu'), 1000);
  t.equal(maxTokens(600, 'cpu'), 512, 'no smaller');
  t.equal(maxTokens(60_000, 'cpu'), 2048, 'no larger than the limit');
  t.equal(maxTokens(6000, 'cuda'), 2048);
  t.equal(maxTokens(1200, 'cuda'), 1200, 'a whole step');
});

t.test('an iteration learns from its frozen batch, and is idempotent', async (t) => {
  const { trainer, replay } = await startTrainer(
    t,
    tinyConfig({ train: { updatesPerIteration: 2, learningRate: 1e-2 } }),
  );
  replay.batches.set(0, { policyVersion: 0, groups: batch('r') });
  const start = await trainer.initialize('r');
  const first = await outcome(trainer.train('r', 0, never));
  t.strictSame(first.stages, ['load', 'reference', 'train', 'train', 'save', 'done']);
  t.match(first.version, { ref: { runId: 'r', version: 1 }, parent: 0 });
  t.match(first.metrics, {
    groups: 4,
    trajectories: 8,
    updates: 2,
    rewardMean: 0.5,
    trainedTokenShare: 1,
    offPolicyTokenShare: 0,
  });
  t.notSame(await weights(first.version), await weights(start));

  const preferred = await margin(first.version.folder, replay.batches.get(0)!.groups);
  t.ok(
    preferred > (await margin(start.folder, replay.batches.get(0)!.groups)),
    'right answers became likelier than wrong ones',
  );

  const again = await outcome(trainer.train('r', 0, never));
  t.strictSame(
    again.stages,
    ['load', 'done'],
    'a version that was written from the same batch is answered without training',
  );
  t.equal(again.version.ref.manifestSha256, first.version.ref.manifestSha256);
  t.equal(again.metrics.loss, first.metrics.loss, 'with what was measured');

  replay.batches.set(0, { policyVersion: 0, groups: batch('r').slice(0, 2) });
  await t.rejects(outcome(trainer.train('r', 0, never)), { code: 'ALREADY_EXISTS' }, 'another batch is refused');
});

/** Mean log-prob of right answers minus that of wrong ones. */
async function margin(folder: string, groups: readonly CompleteGroup[]): Promise<number> {
  const worker = await TrainingWorker.start({ source: { folder }, options: { threads: 1 } });
  const { rows } = assembleBatch(groups, tinyConfig(), 0, 0);
  const { logProbs } = await worker.logProbs(
    rows.map(({ promptTokens, responseTokens, mask }) => ({
      tokens: Int32Array.of(...promptTokens, ...responseTokens),
      mask: Uint8Array.of(...promptTokens.map(() => 0), ...mask),
    })),
  );
  await worker.stop();
  return rows.reduce((sum, { reward }, i) => sum + (reward - 0.5) * logProbs[i]!.reduce((a, b) => a + b, 0), 0);
}

t.test('the same frozen batch and seed give the same weights bit for bit', async (t) => {
  const results: Buffer[] = [];
  for (let i = 0; i < 2; i++) {
    const { trainer, replay } = await startTrainer(t, tinyConfig({ train: { updatesPerIteration: 2 } }));
    replay.batches.set(0, { policyVersion: 0, groups: batch('r') });
    await trainer.initialize('r');
    results.push(await weights((await outcome(trainer.train('r', 0, never))).version));
  }
  t.strictSame(results[0], results[1]);
});

t.test('the optimiser is reset at the start of every iteration', async (t) => {
  const config = tinyConfig({ train: { updatesPerIteration: 2, learningRate: 1e-2 } });
  const second = async (restart: boolean) => {
    const before = await startTrainer(t, config);
    for (const iteration of [0, 1]) {
      before.replay.batches.set(iteration, { policyVersion: iteration, groups: batch('r', iteration) });
    }
    await before.trainer.initialize('r');
    await outcome(before.trainer.train('r', 0, never));
    if (!restart) return weights((await outcome(before.trainer.train('r', 1, never))).version);
    await before.trainer.stop();
    const { trainer, replay } = await startTrainer(t, config, before.folder);
    replay.batches = before.replay.batches;
    return weights((await outcome(trainer.train('r', 1, never))).version);
  };
  t.strictSame(
    await second(false),
    await second(true),
    'a process that has seen nothing of iteration 0 gives the same',
  );
});

t.test('a trainer that was started in the middle of a run outlives the version that it began with', async (t) => {
  const before = await startTrainer(t, tinyConfig());
  const batches = [0, 1, 2].map((i) => [i, { policyVersion: i, groups: batch('r', i) }] as const);
  for (const [iteration, frozen] of batches) before.replay.batches.set(iteration, frozen);
  await before.trainer.initialize('r');
  const first = await outcome(before.trainer.train('r', 0, never));
  await before.trainer.stop();

  const { trainer, replay } = await startTrainer(t, tinyConfig(), before.folder);
  replay.batches = before.replay.batches;
  await outcome(trainer.train('r', 1, never));
  await rm(first.version.folder, { recursive: true, force: true });
  const third = await outcome(trainer.train('r', 2, never));
  t.equal(third.version.ref.version, 3, 'the tokenizer is that of the version before');
});

t.test('an iteration without a complete group trains nothing and keeps its version', async (t) => {
  const { trainer, replay } = await startTrainer(t, tinyConfig());
  replay.batches.set(0, { policyVersion: 0, groups: [] });
  const start = await trainer.initialize('r');
  const { version } = await outcome(trainer.train('r', 0, never));
  t.strictSame(version.ref, start.ref);
  t.strictSame(await trainer.store.versions('r'), [0]);
  await t.rejects(outcome(trainer.train('r', 1, never)), { code: 'FAILED_PRECONDITION', message: /not frozen/ });
});

t.test('which tokens enter the loss is a policy of the run: masks reach the gradient', async (t) => {
  // The right answer differs between the runs in tokens that an older version wrote.
  const groupsWith = (old: string) => [
    group('r', 0, [
      [
        1,
        [
          { text: old, version: 0 },
          { text: 'aa', version: 1 },
        ],
      ],
      [0, [{ text: 'bb', version: 1 }]],
    ]),
  ];
  const train = async (tokens: 'all' | 'current', importance: boolean, groups: CompleteGroup[]) => {
    const config = tinyConfig({ train: { tokens, importance: { enabled: importance, clip: 1 }, learningRate: 1e-2 } });
    const { trainer, replay } = await startTrainer(t, config);
    await trainer.initialize('r');
    replay.batches.set(0, { policyVersion: 0, groups: batch('r') });
    replay.batches.set(1, { policyVersion: 1, groups });
    await outcome(trainer.train('r', 0, never));
    return outcome(trainer.train('r', 1, never));
  };
  const all = await train('all', false, groupsWith('cc'));
  const current = await train('current', false, groupsWith('cc'));
  t.equal(all.metrics.trainedTokenShare, 1);
  t.equal(all.metrics.trainedTokens, 6);
  t.ok(Math.abs(all.metrics.offPolicyTokenShare! - 2 / 6) < 1e-9);
  t.equal(current.metrics.trainedTokens, 4);
  t.equal(current.metrics.offPolicyTokenShare, 0);
  t.notSame(await weights(all.version), await weights(current.version));
  const weighted = await train('all', true, groupsWith('cc'));
  t.notSame(await weights(weighted.version), await weights(all.version), 'importance weights change the gradient');
  t.ok(all.metrics.logProbDiffMax! > 0, 'made-up behaviour log-probs are far from the trainer’s');
});

t.test('the log-prob difference is zero to rounding when the actor recorded what the trainer computes', async (t) => {
  const { trainer, replay } = await startTrainer(t, tinyConfig());
  const start = await trainer.initialize('r');
  const groups = batch('r');
  const worker = await TrainingWorker.start({ source: { folder: start.folder }, options: { threads: 1 } });
  const exact: CompleteGroup[] = [];
  for (const one of groups) {
    const trajectories = [];
    for (const member of one.trajectories) {
      const response = member.segments.flatMap(({ tokens }) => [...tokens]);
      const tokens = Int32Array.of(...member.promptTokens, ...response);
      const mask = new Uint8Array(tokens.length).fill(1, member.promptTokens.length);
      const logProbs = (await worker.logProbs([{ tokens, mask }])).logProbs[0]!;
      let at = member.promptTokens.length;
      const segments = member.segments.map((segment) => {
        const from = at;
        at += segment.tokens.length;
        return { ...segment, logProbs: logProbs.slice(from, at) };
      });
      trajectories.push({ ...member, segments });
    }
    exact.push({ ...one, trajectories });
  }
  await worker.stop();
  replay.batches.set(0, { policyVersion: 0, groups: exact });
  const { metrics } = await outcome(trainer.train('r', 0, never));
  t.ok(metrics.logProbDiffMax! < 1e-5, `${metrics.logProbDiffMax}`);
});

t.test(
  'a version is kept while unfinished trajectories hold tokens of it, an evaluation has pinned it, or a snapshot may name it',
  async (t) => {
    const pinned = new Set([1]);
    const { trainer, replay, warnings } = await startTrainer(t, tinyConfig(), undefined, {
      pinned: async () => pinned,
    });
    await trainer.initialize('r');
    const train = async (iteration: number) => {
      replay.batches.set(iteration, { policyVersion: iteration, groups: batch('r', iteration) });
      await outcome(trainer.train('r', iteration, never));
      return trainer.store.versions('r');
    };
    for (let iteration = 0; iteration < 4; iteration++) await train(iteration);
    t.strictSame(await trainer.store.versions('r'), [0, 1, 3, 4], 'keepVersions = 2, version 0, and the pinned one');
    pinned.clear();
    replay.unfinishedSince = [4, 3];
    t.strictSame(await train(4), [0, 3, 4, 5], 'a trajectory began under version 3');
    replay.unfinishedSince = [];
    t.strictSame(await train(5), [0, 5, 6]);
    replay.heldFromIteration = 5;
    await train(6);
    t.strictSame(await train(7), [0, 5, 6, 7, 8], 'a snapshot was begun in iteration 5, and its copy is not made yet');
    replay.heldToIteration = 5;
    t.strictSame(await train(8), [0, 5, 6, 8, 9], 'its copy is of iteration 5, in which version 6 may have come out');
    replay.heldFromIteration = null;
    replay.heldToIteration = null;
    t.strictSame(await train(9), [0, 9, 10]);
    replay.listUnfinished = () => {
      throw new SegueError('UNAVAILABLE', 'the store is away');
    };
    t.strictSame(await train(10), [0, 9, 10, 11], 'nothing is removed on a guess');
    t.strictSame(warnings, ['old versions are kept for now']);
  },
);

t.test('versions that are held when a run makes its last one go when nothing holds them any more', async (t) => {
  const pinned = new Set<number>();
  const { trainer, replay, warnings } = await startTrainer(t, tinyConfig(), undefined, { pinned: async () => pinned });
  await trainer.initialize('r');
  const train = async (iteration: number) => {
    replay.batches.set(iteration, { policyVersion: iteration, groups: batch('r', iteration) });
    await outcome(trainer.train('r', iteration, never));
  };
  const kept = async () => {
    await trainer.retire();
    return trainer.store.versions('r');
  };
  replay.heldFromIteration = 0;
  for (let iteration = 0; iteration < 4; iteration++) await train(iteration);
  t.strictSame(await kept(), [0, 1, 2, 3, 4], 'a snapshot is being taken');
  replay.heldToIteration = 0;
  pinned.add(2);
  t.strictSame(await kept(), [0, 1, 2, 3, 4], 'its copy names version 1, and an evaluation version 2');
  pinned.clear();
  t.strictSame(await kept(), [0, 1, 3, 4]);
  replay.heldFromIteration = null;
  replay.heldToIteration = null;
  t.strictSame(await kept(), [0, 3, 4], 'there is no other training');
  const { listUnfinished } = replay;
  replay.listUnfinished = () => {
    throw new SegueError('UNAVAILABLE', 'the store is away');
  };
  await train(4);
  t.strictSame(await trainer.store.versions('r'), [0, 3, 4, 5]);
  replay.listUnfinished = listUnfinished;
  t.strictSame(await kept(), [0, 4, 5], 'nor do they stay where the store could not tell');
  t.strictSame(warnings, ['old versions are kept for now']);
});

t.test('a device that cannot be given back fails the work, and not all work after it', async (t) => {
  const refuse = () => Promise.reject(new SegueError('UNAVAILABLE', 'the device is not given back'));
  const agent = {
    acquire: refuse,
    release: refuse,
    announceEnd: async () => undefined,
    standBy: async () => undefined,
  };
  const { trainer } = await startTrainer(t, tinyConfig(), undefined, { agent });
  await t.rejects(outcome(trainer.train('r', 0, never)), { message: /not given back/ });
  t.equal((await trainer.initialize('r')).ref.version, 0);
});
