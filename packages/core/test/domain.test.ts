/** Ids, seeds, token hashes, end reasons, configuration and the refill bound. */
import {
  configFromAssignment,
  configFromEnvironment,
  endReasons,
  groupId,
  groupOf,
  hashTokens,
  isId,
  isResumable,
  isTerminal,
  listConfigKeys,
  mergeConfig,
  noEngineTimes,
  observedStepTimes,
  parseRunConfig,
  parseTrajectoryId,
  promptText,
  refillBoundMs,
  requireId,
  runConfigSchema,
  SeededRandom,
  SegueError,
  type SequenceResult,
  segmentId,
  stepTimeCurve,
  sumEngineTimes,
  tokenUniform,
  trajectoryId,
  withChunk,
} from '@segue/core';
import t from 'tap';

t.test('ids are made from the parent and taken apart again', async (t) => {
  const id = trajectoryId(groupId('run-7', 12), 3);
  t.equal(id, 'run-7-g12-t3');
  t.equal(segmentId(id, 2), 'run-7-g12-t3-s2');
  t.strictSame(parseTrajectoryId(id), { runId: 'run-7', groupIndex: 12, member: 3 });
  t.equal(groupOf(id), 'run-7-g12');
  t.strictSame(parseTrajectoryId('run-8-g0-t1'), { runId: 'run-8', groupIndex: 0, member: 1 }, 'another one after it');
  t.strictSame(parseTrajectoryId(id), { runId: 'run-7', groupIndex: 12, member: 3 });
  for (const bad of ['', 'A', '../x', 'a.b', 'a b', `a${'b'.repeat(128)}`, '-a']) {
    t.notOk(isId(bad), JSON.stringify(bad));
    t.throws(() => requireId(bad, 'run id'), { code: 'INVALID_INPUT' });
  }
  for (const bad of ['run-7', 'run-7', '']) t.throws(() => parseTrajectoryId(bad), { code: 'INVALID_INPUT' });
});

t.test('the random number for a token is a function of run seed, trajectory and position', async (t) => {
  t.equal(tokenUniform(1, 'r-g0-t0', 5), tokenUniform(1, 'r-g0-t0', 5));
  const seen = new Set<number>();
  for (const seed of [1, 2]) {
    for (const id of ['r-g0-t0', 'r-g0-t1', 'r-g1-t0'])
      for (let p = 0; p < 100; p++) seen.add(tokenUniform(seed, id, p));
  }
  t.ok(seen.size > 595, 'distinct over seeds, trajectories and positions');
  t.ok([...seen].every((u) => u > 0 && u < 1));
  t.ok(
    [...seen].every((u) => Math.fround(u) === u),
    'exact in float32',
  );
});

t.test('token uniforms are even', async (t) => {
  const bins = new Array<number>(20).fill(0);
  for (let p = 0; p < 20_000; p++) bins[Math.floor(tokenUniform(9, 'a-g1-t2', p) * 20)]! += 1;
  const chi2 = bins.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
  t.ok(chi2 < 43.8, `chi-square ${chi2.toFixed(1)} below the 0.1 % bound for 19 degrees of freedom`);
});

t.test('a seeded generator repeats itself and differs by purpose', async (t) => {
  const draw = (seed: number, purpose: string) =>
    Array.from(
      { length: 5 },
      (
        (r) => () =>
          r.uint32()
      )(new SeededRandom(seed, purpose)),
    );
  t.strictSame(draw(3, 'a'), draw(3, 'a'));
  t.notSame(draw(3, 'a'), draw(3, 'b'));
  t.notSame(draw(3, 'a'), draw(4, 'a'));
  const shuffled = new SeededRandom(1, 'shuffle').shuffle([...Array(50).keys()]);
  t.strictSame(
    [...shuffled].sort((a, b) => a - b),
    [...Array(50).keys()],
  );
  const normals = Array.from(
    { length: 4000 },
    (
      (r) => () =>
        r.normal()
    )(new SeededRandom(5, 'normal')),
  );
  const mean = normals.reduce((a, b) => a + b, 0) / normals.length;
  const variance = normals.reduce((a, b) => a + (b - mean) ** 2, 0) / normals.length;
  t.ok(Math.abs(mean) < 0.06 && Math.abs(variance - 1) < 0.08, `mean ${mean}, variance ${variance}`);
});

t.test('a token hash can be continued and tells order and boundary apart', async (t) => {
  const a = Int32Array.of(1, 2, 3);
  const b = Int32Array.of(4, 5);
  t.equal(hashTokens(b, hashTokens(a)), hashTokens(Int32Array.of(1, 2, 3, 4, 5)));
  t.not(hashTokens(a), hashTokens(Int32Array.of(3, 2, 1)));
  t.not(hashTokens(a), hashTokens(Int32Array.of(1, 2, 3, 0)));
  t.match(hashTokens(a), /^[0-9a-f]{16}$/);
});

t.test('three end reasons end a trajectory, two leave it resumable, error is neither', async (t) => {
  t.strictSame(endReasons.filter(isTerminal), ['stop', 'repeat', 'length']);
  t.strictSame(endReasons.filter(isResumable), ['budget', 'yield']);
});

t.test('errors keep their code, and foreign ones are translated', async (t) => {
  const error = SegueError.from(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
  t.equal(error.code, 'RESOURCE_EXHAUSTED');
  t.ok(error.retryable);
  t.match(error.message, /^\[RESOURCE_EXHAUSTED\] no space left/);
  t.equal(SegueError.from(error), error);
  t.equal(SegueError.from('text', 'UNAVAILABLE').code, 'UNAVAILABLE');
});

t.test('configuration is validated as a whole, and each wrong key is named', async (t) => {
  const config = parseRunConfig({ rollout: { groupSize: 4 } }, 'x.yaml');
  t.equal(config.rollout.groupSize, 4);
  t.equal(config.train.baseline, 'mean');
  const refused = (input: unknown, ...words: RegExp[]) => {
    try {
      parseRunConfig(input, 'x.yaml');
      t.fail(`accepted ${JSON.stringify(input)}`);
    } catch (error) {
      for (const word of [/x\.yaml/, ...words]) t.match(SegueError.from(error).message, word);
    }
  };
  refused({ rolout: {} }, /unknown key "rolout"/);
  refused({ rollout: { tokenBudgt: 3, groupSize: 1 } }, /rollout .*"tokenBudgt"/, /rollout\.groupSize/);
  refused({ train: { beta1: 1 } }, /train\.beta1/);
  refused({ train: { beta2: 1 } }, /train\.beta2/);
  refused(
    { rollout: { tokenBudget: 400, maxResponseTokens: 300 } },
    /rollout\.tokenBudget must not exceed maxResponseTokens/,
  );
  refused({ rollout: { topP: 0.9 } }, /rollout\.topP must be 1 in a training run/);
  refused({ rollout: { topK: 5 } }, /rollout\.topK must be 0 in a training run/);
  refused({ policy: { model: { heads: 4, keyValueHeads: 3 } } }, /policy\.model\.keyValueHeads must divide heads/);
  refused({ rollout: { maxSpan: 1 } }, /rollout\.maxSpan/);
  refused([], /x\.yaml/);
});

t.test('overrides: environment and assignments reach nested keys', async (t) => {
  const environment = { SEGUE_RUN_ROLLOUT__TOKEN_BUDGET: '64', SEGUE_RUN_SEED: '7', OTHER: 'x' };
  const asked = mergeConfig(
    configFromEnvironment(environment, 'SEGUE_RUN_'),
    configFromAssignment('train.baseline=log-z'),
  );
  t.strictSame(asked, { rollout: { tokenBudget: 64 }, seed: 7, train: { baseline: 'log-z' } });
  t.strictSame(mergeConfig({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: 3 }, d: [] }), { a: { b: 3, c: 2 }, d: [] });
  t.throws(() => configFromAssignment('__proto__.polluted=1'), { code: 'INVALID_CONFIG' }, 'no way to the prototype');
  t.equal(({} as { polluted?: number }).polluted, undefined);
  t.throws(() => configFromAssignment('nothing'), { code: 'INVALID_CONFIG' });
});

t.test('every key of the configuration has its documentation', async (t) => {
  const keys = listConfigKeys(runConfigSchema);
  t.ok(keys.length > 70, `${keys.length} keys`);
  t.strictSame(
    keys.filter((key) => key.about === '').map((key) => key.path),
    [],
  );
});

t.test('the refill bound: full slots until the queue is empty', async (t) => {
  const flat = () => 1;
  t.equal(refillBoundMs({ lengths: [4, 4, 4, 4], actors: 1, slotsPerActor: 2, stepMs: flat }), 8);
  t.equal(
    refillBoundMs({ lengths: [8, 2, 2, 4], actors: 1, slotsPerActor: 2, stepMs: flat }),
    8,
    'short ones refill beside a long one',
  );
  t.equal(refillBoundMs({ lengths: [4, 4], actors: 2, slotsPerActor: 8, stepMs: (batch) => batch }), 4, 'dealt evenly');
  t.equal(refillBoundMs({ lengths: [], actors: 1, slotsPerActor: 1, stepMs: flat }), 0);
  const curve = stepTimeCurve([
    { batch: 1, stepMs: 1 },
    { batch: 5, stepMs: 3 },
  ]);
  t.strictSame([0, 1, 3, 5, 9].map(curve), [1, 1, 2, 3, 3]);
});

t.test('the observed step-time curve: what chunks took over the steps that they ran, by batch', async (t) => {
  // Three more are in prefill: they are no part of the batch that steps.
  const chunk = (batch: number, ended: number, steps: number, loopMs: number) => ({
    finished: Array.from({ length: ended }, () => ended8),
    ids: [],
    running: batch - ended + 3,
    rows: batch,
    tokens: batch * steps - ended,
    steps,
    durationMs: 5 + loopMs + 2,
    prefillMs: 5,
    loopMs,
  });
  // Two of eight end inside the chunk: they step on, and the batch stays eight.
  let times = [
    chunk(8, 2, 10, 40),
    chunk(8, 0, 30, 80),
    chunk(1, 1, 4, 8),
    chunk(33, 0, 2, 20),
    chunk(31, 0, 2, 12),
  ].reduce((sum, report) => withChunk(sum, report), noEngineTimes);
  t.strictSame(observedStepTimes(times, 'loopMs'), [
    { batch: 1, stepMs: 2 },
    { batch: 8, stepMs: 3 },
    { batch: 32, stepMs: 8 },
  ]);
  t.strictSame(
    observedStepTimes(times, 'decodeMs').map(({ stepMs }) => stepMs),
    [2.5, 124 / 40, 9],
    'with what changing from chunk to chunk takes',
  );
  t.equal(times.prefillMs, 25, 'prefill is apart');
  t.equal(times.decode['32']!.chunks, 2, 'close batches share a point');
  times = sumEngineTimes([times, times, withChunk(noEngineTimes, { ...chunk(4, 0, 0, 0), durationMs: 5 }, 0.5)]);
  t.equal(times.prefillMs, 52.5, 'a chunk without a step is prefill alone');
  t.strictSame(times.decode['8'], { chunks: 4, steps: 80, rowSteps: 640, loopMs: 240, decodeMs: 248 });
});

const ended8: SequenceResult = {
  id: 'r-g0-t0',
  tokens: new Int32Array(8),
  logProbs: new Float32Array(8),
  endReason: 'stop',
  promptTokens: 0,
  reprefillTokens: 0,
  startedAtMs: 0,
  endedAtMs: 0,
};

t.test('a prompt as text: chat turns one below the other, the text parts of a turn in one piece', async (t) => {
  t.equal(promptText('two\nlines'), 'two\nlines');
  const text = (words: string) => ({ type: 'text', text: words }) as const;
  t.equal(
    promptText([
      { role: 'system', parts: [text('be '), text('brief')] },
      { role: 'user', parts: [text('1+1')] },
    ]),
    'be brief\n1+1',
  );
});
