/** What the controller answers its clients: submission, evaluation, watching, status. */
import {
  type EvaluationRequest,
  type ProblemInput,
  parseRunConfig,
  type RunConfigInput,
  SegueError,
} from '@segue/core';
import { createCharacterTokenizer } from '@segue/tokenizer';
import t from 'tap';
import { idleShare } from '../dist/actor-reports.js';
import { collect } from '../dist/cluster.js';
import { dueEvaluation } from '../dist/evaluations.js';
import { controllerHandlers } from '../dist/service.js';
import { Watchdog } from '../dist/status.js';
import { ProblemReader } from '../dist/submit.js';
import { alphabet } from './fake-clients.js';
import { type Guard, putRun, quick, smallRun, startController, until } from './fake-cluster.js';
import { World } from './fake-world.js';

/** A controller with its handlers, called as the server would call them. */
function serve(world: World, maxBatchProblems = 100, guard?: Guard) {
  const controller = startController(world, guard);
  const watchdog = new Watchdog(controller);
  const limits = { maxBatchProblems, maxConcurrentSubmissions: 4, maxWaitingSubmissions: 16 };
  const handlers = controllerHandlers({ ...controller, watchdog, limits });
  const context = { signal: new AbortController().signal, peer: 'test', deadlineMs: null };
  return { ...controller, handlers, watchdog, context };
}

async function* stream<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}

const input = (extra: Partial<ProblemInput> = {}): ProblemInput => ({
  id: null,
  purpose: 'train',
  prompt: '1+1=',
  answer: '2',
  scorer: 'exact',
  tags: [],
  difficulty: null,
  metadata: {},
  response: null,
  ...extra,
});
const json = (config: RunConfigInput) => JSON.stringify(config);

t.test('CreateRun makes version 0 and is idempotent; another configuration is refused', async (t) => {
  const world = new World();
  const { handlers, context } = serve(world);
  const run = await handlers.createRun({ runId: 'r', configJson: json(smallRun) }, context);
  t.match(run, { id: 'r', state: 'created', iterations: 0, policyVersion: 0, trainProblems: 0 });
  t.match(JSON.parse(run.configJson), { seed: 1, rollout: { groupSize: 2, tokenBudget: 96 } }, 'the effective one');
  t.strictSame(await handlers.createRun({ runId: 'r', configJson: json(smallRun) }, context), run);
  await t.rejects(handlers.createRun({ runId: 'r', configJson: json({ ...smallRun, seed: 2 }) }, context), {
    code: 'ALREADY_EXISTS',
  });
  t.strictSame(
    (await handlers.listRuns({}, context)).runs.map(({ id }) => id),
    ['r'],
  );
  await t.rejects(handlers.getRun({ runId: 'nobody' }, context), { code: 'NOT_FOUND' });
});

t.test('CreateRun refuses what could never work, and names the key', async (t) => {
  const world = new World();
  const { handlers, context } = serve(world);
  const refusals: [string, string, RegExp][] = [
    ['r', '{', /config_json is not JSON/],
    ['r', '{"rolout":{}}', /unknown key "rolout"/],
    ['r', json({}), /policy.characters/],
    [
      'r',
      json({ policy: { characters: 'ab', model: { maxContextTokens: 100 } } }),
      /must not exceed policy.model.maxContextTokens = 100/,
    ],
    [
      'r',
      json({ ...smallRun, rollout: { groupSize: 8, maxResponseTokens: 131_072, tokenBudget: 32_768 } }),
      /a group .* takes 10513920 bytes, but services take messages of 8388608: raise maxMessageBytes/,
    ],
    ['r', json({ ...smallRun, evaluation: { temperature: 0.005 } }), /evaluation.temperature must be 0/],
    ['r', json({ ...smallRun, rollout: { stop: ['ab'] } }), /rollout.stop: "ab" is 2 tokens/],
  ];
  for (const [runId, configJson, message] of refusals) {
    await t.rejects(handlers.createRun({ runId, configJson }, context), { code: 'INVALID_CONFIG', message });
  }
  await t.rejects(handlers.createRun({ runId: 'No Id', configJson: '{}' }, context), { code: 'INVALID_INPUT' });
});

t.test('a stored run with an evaluation temperature that new ones may not have is read', async (t) => {
  const world = new World();
  const { handlers, context } = serve(world);
  await putRun(world, { ...smallRun, evaluation: { temperature: 0.005 } });
  t.match(await handlers.getRun({ runId: 'r' }, context), { id: 'r' });
  const { configJson } = world.runs.get('r')!;
  t.match(
    await handlers.createRun({ runId: 'r', configJson }, context),
    { id: 'r' },
    'and made again by the same name',
  );
});

t.test('SubmitProblems encodes prompts and makes ids from batch and position', async (t) => {
  const world = new World();
  const { handlers, context } = serve(world);
  await handlers.createRun({ runId: 'r', configJson: json(smallRun) }, context);
  const header = { runId: 'r', batchId: 'b1' };
  const given = [input(), input({ id: 'mine', purpose: 'warmup', response: '2' }), input({ prompt: '3-1=' })];
  t.strictSame(await handlers.submitProblems(header, stream(given), context), {
    accepted: 3,
    repeated: false,
    batchId: 'b1',
  });
  t.strictSame(
    world.problems.map(({ problem }) => problem.id),
    ['b1-1', 'mine', 'b1-3'],
  );
  const tokenizer = createCharacterTokenizer(alphabet);
  t.strictSame(
    world.problems[0]!.problem.promptTokens,
    tokenizer.encode('1+1=', { addSpecialTokens: true }),
    'as the policy reads it',
  );
  t.match(await handlers.getRun({ runId: 'r' }, context), { trainProblems: 2, warmupProblems: 1 });
});

t.test('SubmitProblems is all or nothing, and a refusal names position and field', async (t) => {
  const world = new World();
  const { handlers, context } = serve(world, 3);
  await handlers.createRun({ runId: 'r', configJson: json(smallRun) }, context);
  const header = { runId: 'r', batchId: 'b' };
  const submit = (problems: readonly ProblemInput[]) => handlers.submitProblems(header, stream(problems), context);
  await t.rejects(submit([input(), input({ scorer: 'guess' })]), {
    code: 'INVALID_INPUT',
    message: /problem 2 of batch b: scorer "guess" is unknown; there are exact, expression/,
  });
  await t.rejects(submit([input(), input(), input(), input()]), { code: 'RESOURCE_EXHAUSTED' });
  await t.rejects(submit([]), { code: 'INVALID_INPUT', message: /batch b holds no problems/ });
  t.equal(world.problems.length, 0);
  await t.rejects(handlers.submitProblems({ runId: 'nobody', batchId: 'b' }, stream([]), context), {
    code: 'NOT_FOUND',
  });
  world.runs.set('r', { ...world.runs.get('r')!, state: 'stopped' });
  const last = await submit([input()]);
  t.match(last, { accepted: 1 }, 'whether a run that is over has had the batch is for the store to say');
});

t.test('a problem is refused for what is wrong with it', async (t) => {
  const config = parseRunConfig(
    { ...smallRun, rollout: { maxPromptTokens: 8, tokenBudget: 4, maxResponseTokens: 4 } },
    'test',
  );
  const scorers = [
    { name: 'exact', description: '', metadataSchemaJson: '', servers: null },
    { name: 'expression', description: '', metadataSchemaJson: '{}', servers: null },
  ];
  const reader = () => new ProblemReader('b', config, createCharacterTokenizer(alphabet), scorers);
  const image = { role: 'user', parts: [{ type: 'image' as const, url: 'x' }] };
  const table: [Partial<ProblemInput>, RegExp][] = [
    [{ prompt: '' }, /prompt is empty/],
    [{ prompt: [] }, /prompt is empty/],
    [{ prompt: '12345678' }, /prompt has 9 tokens, more than rollout.maxPromptTokens = 8/],
    [{ prompt: '1€' }, /prompt: the character "€" \(U\+20AC\) at line 1, column 2/],
    [{ prompt: [image] }, /messages\[0\] holds an image/],
    [{ prompt: [{ role: '', parts: [] }] }, /messages\[0\].role is empty/],
    [{ scorer: '' }, /scorer is empty/],
    [{ answer: '' }, /answer is empty, and scorer exact compares with it/],
    [{ difficulty: Number.NaN }, /difficulty is not a number/],
    [{ id: 'No' }, /id must be/],
    [{ purpose: 'warmup' }, /response is empty/],
    [{ purpose: 'warmup', response: '1234' }, /response has 4 tokens and one for its end/],
    [{ purpose: 'warmup', response: '€' }, /response: the character/],
    [{ response: '2' }, /response is for warm-up problems alone/],
  ];
  for (const [extra, message] of table) {
    t.throws(() => reader().read(input(extra)), { code: 'INVALID_INPUT', message: /problem 1 of batch b/ });
    t.throws(() => reader().read(input(extra)), { message });
  }
  t.doesNotThrow(() => reader().read(input({ answer: '', scorer: 'expression' })), 'judged by its metadata');
  t.throws(() => reader().read(input({ prompt: [{ role: 'user', parts: [{ type: 'text', text: '1' }] }] })), {
    code: 'FAILED_PRECONDITION',
    message: /no chat template/,
  });
  const batch = reader();
  batch.read(input({ id: 'a' }));
  t.throws(() => batch.read(input({ id: 'a' })), { message: /problem 2 of batch b: id a is that of problem 1/ });
});

const evaluation = (extra: Partial<EvaluationRequest> = {}): EvaluationRequest => ({
  runId: 'r',
  policyVersion: null,
  maxProblems: 0,
  samples: 0,
  sampling: null,
  ...extra,
});

t.test('Evaluate pins a version and counts judged responses alone', async (t) => {
  const world = new World();
  await putRun(world);
  world.scoreOf = (id) =>
    id === 'r-e0-e0' ? 'timeout' : id === 'r-e1-e0' ? 'error' : id === 'r-e2-e0' ? 'ok' : 'wrong';
  const { handlers, context } = serve(world);
  const result = await handlers.evaluate(evaluation({ policyVersion: 7 }), context);
  t.match(result, { policyVersion: 7, problems: 4, samples: 1, accuracy: 0.5, failed: 2 });
  t.ok(world.generateCalls.every(({ version }) => version === 7));
  t.ok(
    world.generateCalls.every(({ pinned }) => pinned.join() === 'r/7'),
    'the version is pinned meanwhile',
  );
  t.strictSame(world.pinned, [], 'and no longer');
  world.scoreOf = () => 'error';
  t.equal((await handlers.evaluate(evaluation({ maxProblems: 2, samples: 3 }), context)).accuracy, null, 'never zero');
  t.match(await handlers.evaluate(evaluation({ maxProblems: 2, samples: 3 }), context), {
    problems: 2,
    samples: 3,
    failed: 6,
  });
  world.problems.splice(0);
  await t.rejects(handlers.evaluate(evaluation(), context), { code: 'FAILED_PRECONDITION' });
});

t.test('an evaluation of more responses than a controller holds is refused before it begins', async (t) => {
  const world = new World();
  await putRun(world);
  const { handlers, context } = serve(world);
  for (const extra of [{ samples: 31 }, { samples: 4_000_000_000 }, { samples: 121, maxProblems: 1 }]) {
    const refusal = { code: 'INVALID_INPUT', message: /more than 120 responses \(maxEvaluationResponses\)/ };
    await t.rejects(handlers.evaluate(evaluation(extra), context), refusal);
  }
  t.match(await handlers.evaluate(evaluation({ samples: 30 }), context), { samples: 30, failed: 0 }, 'as many as fit');
  const withSamples = (samples: number) => parseRunConfig({ ...smallRun, evaluation: { samples } }, 'test');
  t.equal(withSamples(1024).evaluation.samples, 1024);
  t.throws(() => withSamples(1025), { code: 'INVALID_CONFIG' });
});

t.test('what a dead actor owed of an evaluation is generated by another, once', async (t) => {
  const world = new World();
  await putRun(world);
  world.actors = ['a', 'b'];
  world.beforeGenerate = (actor, left) => {
    if (actor !== 'a' || left[0] === 'r-e0-e0') return;
    world.actors = ['b'];
    throw new SegueError('UNAVAILABLE', 'connection reset');
  };
  const { handlers, context } = serve(world);
  const result = await handlers.evaluate(evaluation({ samples: 30 }), context);
  t.match(result, { problems: 4, samples: 30, failed: 0 });
  const asked = world.generateCalls.filter(({ actor }) => actor === 'b').flatMap(({ ids }) => ids);
  t.equal(new Set(asked).size, asked.length);
  t.ok(asked.length >= 119 - 1, 'all but what the first one answered');
});

t.test('an evaluation without actors, or with a request that no actor takes, ends with a reason', async (t) => {
  const world = new World();
  await putRun(world);
  world.actors = [];
  const { handlers, context } = serve(world);
  await t.rejects(handlers.evaluate(evaluation(), context), { code: 'UNAVAILABLE', message: /no actor is registered/ });
  world.actors = ['a'];
  world.beforeGenerate = () => {
    throw new SegueError('INVALID_INPUT', 'prompt is too long');
  };
  await t.rejects(handlers.evaluate(evaluation(), context), { code: 'INVALID_INPUT', message: /too long/ });
  t.ok(world.generateCalls.length <= 4, 'not asked again and again');
});

t.test('all Evaluate calls under way hold no more responses than one may', async (t) => {
  const world = new World();
  await putRun(world);
  let judge: () => void = () => undefined;
  const judging = new Promise<void>((resolve) => {
    judge = resolve;
  });
  const { handlers, context } = serve(world, 100, (_, method, call) =>
    method === 'scoreBatch' ? judging.then(call) : call(),
  );
  const first = handlers.evaluate(evaluation({ samples: 20 }), context);
  await until(() => world.generateCalls.length > 0, 'the first one is under way');
  await t.rejects(handlers.evaluate(evaluation({ samples: 11 }), context), {
    code: 'RESOURCE_EXHAUSTED',
    message: /evaluations of 80 responses are under way, and with 44 more .* more than 120/,
    retryAfterMs: 5_000,
  });
  const second = handlers.evaluate(evaluation({ samples: 10 }), context);
  judge();
  t.match(await Promise.all([first, second]), [{ samples: 20 }, { samples: 10 }], 'what fits beside it is made');
  t.match(await handlers.evaluate(evaluation({ samples: 30 }), context), { samples: 30 }, 'and the room is free again');
});

t.test('a run whose own evaluation is too large fails at once, and names the keys', async (t) => {
  const world = new World();
  // With the greedy one 31 samples of 4 problems.
  await putRun(world, { ...smallRun, warmup: { steps: 0 }, evaluation: { samples: 30 } });
  const controller = startController(world);
  await controller.runs.resume('r');
  await controller.runs.settled();
  t.match(world.runs.get('r'), {
    state: 'failed',
    error: /4 problems with 31 samples each are more than 120 .*evaluation\.problems .*evaluation\.samples/,
  });
  t.equal(controller.logs.filter(({ message }) => message === 'a phase failed').length, 1);
  t.equal(world.generateCalls.length, 0);
});

t.test('evaluations are due before, in between and after, each once', async (t) => {
  const config = parseRunConfig({ ...smallRun, iterations: 5, evaluation: { everyIterations: 2 } }, 'test');
  const due = (completed: number, done: string[] = []) => dueEvaluation(config, done, completed)?.when ?? null;
  t.strictSame(
    [0, 1, 2, 3, 4, 5].map((completed) => due(completed)),
    ['before', null, 'between', null, 'between', 'after'],
  );
  t.equal(due(2, ['between-2']), null);
  t.equal(due(5, ['before-0', 'between-4']), 'after');
  const never = parseRunConfig({ ...smallRun, iterations: 3, evaluation: { everyIterations: 0 } }, 'test');
  t.equal(dueEvaluation(never, [], 2), null);
  t.equal(dueEvaluation({ ...config, iterations: 0 }, [], 0)?.when, 'before');
});

t.test('WatchRun replays events without gaps and ends when the run has come to rest', async (t) => {
  const world = new World();
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const { handlers, context, runs } = serve(world);
  const watch = (fromStart: boolean, afterSequence: number, tellPosition = false) =>
    collect(handlers.watchRun({ runId: 'r', fromStart, afterSequence, tellPosition }, context));
  const live = watch(true, 0);
  await runs.resume('r');
  const seen = await live;
  t.strictSame(
    seen.map(({ sequence }) => sequence),
    Array.from({ length: seen.length }, (_, n) => n + 1),
  );
  t.match(JSON.parse(seen.at(-1)!.bodyJson), { state: 'finished' });
  t.strictSame(await watch(true, 0), seen, 'again, from the store');
  t.strictSame(await watch(false, 5), seen.slice(5));
  t.strictSame(await watch(false, 0), [], 'from now on');
  t.match(await watch(false, 0, true), [{ kind: 'position', sequence: seen.length }], 'and where that is');
  const ofNobody = { runId: 'nobody', fromStart: true, afterSequence: 0, tellPosition: false };
  await t.rejects(collect(handlers.watchRun(ofNobody, context)), { code: 'NOT_FOUND' });
});

t.test('what the cluster waits for can be read at any time, and a long wait is told', async (t) => {
  const world = new World();
  world.endOf = () => null;
  await putRun(world, { ...smallRun, warmup: { steps: 0 } });
  const { handlers, context, runs, watchdog, metrics, kill, cluster, waits, journal } = serve(world);
  t.match(await handlers.getClusterStatus({ runId: '' }, context), { runId: '', phase: 'idle', waiting: [] });
  await runs.resume('r');
  await until(() => world.held.size === 6, 'all tasks run');
  await until(() => runs.active?.phase.phase === 'rollout', 'the phase is told');
  await watchdog.look();
  const status = await handlers.getClusterStatus({ runId: '' }, context);
  t.match(status, { runId: 'r', phase: 'rollout', iteration: 0, waiting: [{ what: 'segments', count: 6 }] });
  t.match(status.actors, [{ actorId: 'actor-0', slots: 4, running: 6 }]);
  t.match(status.services, [{ service: 'actor', id: 'actor-0', address: 'actor-0' }]);
  t.equal(world.events.get('r')!.filter(({ kind }) => kind === 'waiting').length, 0, 'not at once');
  const timings = { ...quick, waitingNoticeMs: 0 };
  const impatient = new Watchdog({ cluster: { ...cluster, timings }, runs, waits, journal, metrics });
  await impatient.look();
  t.equal(world.events.get('r')!.filter(({ kind }) => kind === 'waiting').length, 1);
  await kill();
});

t.test('the idle share is over the slots of the actors that reported', async (t) => {
  const actor = (slots: number, busyMs?: number) => ({
    slots,
    busySlotMs: busyMs === undefined ? {} : { 'r/3': busyMs },
  });
  t.equal(idleShare([actor(10, 7000), actor(10, 8000)], 'r', 3, 1000), 0.25);
  t.equal(idleShare([actor(10, 7500), actor(10)], 'r', 3, 1000), 0.25, 'one that did not is not counted');
  t.equal(idleShare([actor(10)], 'r', 3, 1000), 0);
  t.equal(idleShare([actor(10, 20_000)], 'r', 3, 1000), 0, 'never below nothing');
});
