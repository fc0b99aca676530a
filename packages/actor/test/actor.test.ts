/** The actor's other parts: the Generate call, slot time, and the whole with a real engine. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IterationSignal } from '@segue/bus';
import {
  actorConfigSchema,
  type Engine,
  type GenerateRequest,
  type GenerateResult,
  type PolicyChunk,
  parseRunConfig,
  SegueError,
} from '@segue/core';
import { WorkerEngine } from '@segue/engine';
import { createMetrics } from '@segue/service';
import { pino } from 'pino';
import t from 'tap';
import { inTime } from '../../../test/support/waiting.js';
import { Actor, type ActorShell } from '../dist/actor.js';
import { generate, sequencesOf } from '../dist/generate.js';
import { RunSettings } from '../dist/run-settings.js';
import { actorHandlers } from '../dist/service.js';
import { FakeBus, FakeEngine, FakeLease, rolloutTask, storedTrajectory, until } from './support/fakes.js';
import { tokenizer, writeTinyPolicy } from './support/tiny-policy.js';

interface Test {
  fail(message: string): unknown;
  teardown(end: () => Promise<void>): void;
}

async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'segue-actor-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const settings = new RunSettings(parseRunConfig({ rollout: { maxResponseTokens: 20, tokenBudget: 10 } }, 'test'));
const setting = {
  policy: { runId: 'r', version: 5, folder: 'x', manifestSha256: '' },
  settings,
  tokenizer,
  maxPrompts: 3,
  bounds: { maxContextTokens: 32, vocabularySize: tokenizer.vocabularySize },
};
const generateRequest = (prompts: Partial<GenerateRequest['prompts'][number]>[]): GenerateRequest => ({
  runId: 'r',
  policyVersion: null,
  prompts: prompts.map((one, i) => ({
    id: `p${i}`,
    tokens: null,
    text: 'ab:',
    responseTokens: new Int32Array(0),
    ...one,
  })),
  sampling: { temperature: 1, topK: 0, topP: 1 },
  maxTokens: 0,
  seed: 1,
  stopOnRepeat: false,
});

t.test('one prompt that is refused refuses the whole call, by name, before anything is generated', async (t) => {
  const refuse = (
    prompts: Parameters<typeof generateRequest>[0],
    rejection: { code: string; message?: RegExp },
    more: object = {},
  ) => t.throws(() => sequencesOf({ ...generateRequest(prompts), ...more }, setting), rejection);
  refuse([{}, {}, {}, {}], { code: 'RESOURCE_EXHAUSTED' });
  refuse([{}, { id: 'p0' }], { code: 'INVALID_INPUT', message: /"p0"/ });
  refuse([{}, { text: '' }], { code: 'INVALID_INPUT', message: /p1/ });
  refuse([{ text: 'xyz' }], { code: 'INVALID_INPUT' });
  refuse([{ tokens: Int32Array.of(1, 500) }], { code: 'INVALID_INPUT', message: /token 500/ });
  refuse([{}], { code: 'INVALID_INPUT', message: /room for 28/ }, { maxTokens: 29 });
  const [first] = sequencesOf(generateRequest([{ responseTokens: Int32Array.of(5) }]), setting);
  t.match(first, { budgetTokens: 20, capTokens: 21, lastSpan: true, repeat: null });
  t.strictSame([...first!.promptTokens], [1, 3, 4, 11], 'text is encoded as a prompt');
  t.strictSame(first!.stopTokens, [2]);
  const repeating = { ...generateRequest([{}]), stopOnRepeat: true };
  t.match(sequencesOf(repeating, setting)[0], { repeat: { maxPeriod: 32 } });
});

t.test('Generate answers in order of ending, and one failure ends the call and the rest', async (t) => {
  const sequences = sequencesOf(generateRequest([{}, {}, {}]), setting);
  const delays: Record<string, number> = { p0: 20, p1: 1, p2: 10 };
  const result = (id: string) => ({
    id,
    tokens: tokenizer.encode('ba'),
    logProbs: Float32Array.of(-1, -1),
    endReason: 'stop' as const,
    promptTokens: 4,
    reprefillTokens: 0,
    startedAtMs: 0,
    endedAtMs: 0,
  });
  const evaluate = async (_: unknown, { id }: { id: string }) => {
    await new Promise((resolve) => setTimeout(resolve, delays[id]));
    return result(id);
  };
  const answers: GenerateResult[] = [];
  const never = new AbortController().signal;
  for await (const answer of generate(sequences, setting, evaluate, never)) answers.push(answer);
  t.strictSame(
    answers.map(({ id, text, policyVersion }) => [id, text, policyVersion]),
    [
      ['p1', 'ba', 5],
      ['p2', 'ba', 5],
      ['p0', 'ba', 5],
    ],
  );
  const cut: string[] = [];
  const failing = async (_: unknown, { id }: { id: string }, signal: AbortSignal) => {
    signal.addEventListener('abort', () => cut.push(id));
    if (id === 'p1') throw new SegueError('UNAVAILABLE', 'the engine failed');
    return new Promise<never>(() => undefined);
  };
  const failed = async () => {
    for await (const answer of generate(sequences, setting, failing, never)) answers.push(answer);
  };
  await t.rejects(failed(), { code: 'UNAVAILABLE' });
  t.ok(cut.includes('p0') && cut.includes('p2'));
});

const run = {
  state: 'running',
  createdAtMs: 0,
  revision: 1,
  error: '',
  progressJson: '{}',
  trainProblems: 0,
  evaluationProblems: 0,
  warmupProblems: 0,
} as const;

/** An actor, with a real engine on its thread unless another is given; the queue and the store are in memory. */
async function startActor(t: Test, folder: string, engine?: Engine) {
  const bus = new FakeBus();
  const announcements: number[] = [];
  const config = parseRunConfig({ rollout: { maxPromptTokens: 8, maxResponseTokens: 40, tokenBudget: 10 } }, 'test');
  const replay = {
    getRun: async ({ runId }: { runId: string }) => ({ ...run, id: runId, configJson: JSON.stringify(config) }),
    async *getTrajectories({ trajectoryIds }: { trajectoryIds: readonly string[] }) {
      for (const id of trajectoryIds) yield storedTrajectory(id);
    },
  };
  const nobody = { downloadPolicy: () => once<PolicyChunk>() };
  const shell: ActorShell = {
    config: actorConfigSchema.parse({ id: 'a', slots: 4, chunkTokens: 4, dataFolder: folder }),
    log: pino({ level: 'silent' }),
    metrics: createMetrics('actor', 'a'),
    bus,
    peers: { replay: async () => replay, trainer: () => new Promise<never>(() => undefined), actor: () => nobody },
    fail: (error) => t.fail(String(error)),
    announce: async () => void announcements.push(actor.loop.flushedIteration ?? -1),
  };
  const actor: Actor = new Actor(shell, () => engine ?? new WorkerEngine({ slots: 4, chunkTokens: 4 }));
  await actor.start();
  t.teardown(() => actor.stop());
  return { actor, bus, announcements, metrics: shell.metrics };
}

async function* once<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

const signal = (iteration: number, policyVersion: number, open: boolean): IterationSignal => {
  return { runId: 'r', iteration, policyVersion, open };
};

t.test(
  'with a real engine: the same task gives the same tokens, and an evaluation on a pinned version its own',
  async (t) => {
    const folder = await temporaryFolder(t);
    const [policy] = [
      await writeTinyPolicy(join(folder, 'policies'), 'r', 5),
      await writeTinyPolicy(join(folder, 'policies'), 'r', 4),
    ];
    const { actor, bus, announcements, metrics } = await startActor(t, folder);
    const active = { ...policy.ref, folder: policy.folder, trainerAddress: '' };
    await actor.followPolicies(once(active));
    await until(() => actor.status.policyVersion === 5, 'version 5 is served');
    const tasks = () => [0, 1, 2, 3, 4, 5].map((member) => new FakeLease(rolloutTask(member)));
    bus.put(...tasks());
    await actor.followIterations(once(signal(3, 5, true)));
    await until(() => bus.segments.length === 6, 'six segments');
    const first = bus.segments.splice(0);
    t.ok(
      first.every(({ tokens }) => tokens.length >= 1 && tokens.length <= 10),
      'within the budget',
    );
    t.ok(first.every(({ tokens, logProbs }) => logProbs.length === tokens.length && logProbs.every((p) => p < 0)));
    bus.put(...tasks());
    await until(() => bus.segments.length === 6, 'again');
    const byId = (segments: typeof first) => Object.fromEntries(segments.map(({ id, tokens }) => [id, [...tokens]]));
    t.same(byId(bus.segments), byId(first));
    await actor.followIterations(once(signal(3, 5, false)));
    t.equal(announcements.at(-1), 3, 'the flush is announced at once');
    t.match(actor.registration, {
      policyVersion: 5,
      slots: 4,
      running: 0,
      flushedIteration: 3,
      runId: 'r',
      published: { 'r/3': 12 },
    });
    t.ok((actor.registration.busySlotMs?.['r/3'] ?? 0) > 0);
    t.match(await metrics.registry.metrics(), /segue_actor_segments_total\{end_reason="budget"/);

    const handlers = actorHandlers(actor, { maxGeneratePrompts: 8 });
    const call = async (policyVersion: number | null) => {
      const request = { ...generateRequest([{}, {}]), policyVersion, maxTokens: 12 };
      const context = { signal: new AbortController().signal, peer: '', deadlineMs: null };
      const answers = new Map<string, number[]>();
      for await (const { id, tokens, policyVersion: version } of handlers.generate(request, context)) {
        answers.set(id, [...tokens]);
        t.equal(version, policyVersion ?? 5);
      }
      return answers;
    };
    const served = await call(null);
    t.same(await call(5), served, 'the same request gives the same tokens');
    t.notSame(await call(4), served, 'another version is another policy');
    const { policyVersion } = await handlers.loadPolicy(
      { policy: { runId: 'r', version: 4, manifestSha256: '' } },
      { signal: new AbortController().signal, peer: '', deadlineMs: null },
    );
    t.equal(policyVersion, 4);

    // Nobody has this one, and the trainer does not answer.
    await actor.followPolicies(once({ ...active, version: 7, folder: '' }));
    await actor.followIterations(once(signal(4, 7, true)));
    const stopping = new AbortController();
    const behind = actor.catchUp(stopping.signal);
    stopping.abort();
    await inTime(behind, 'the end of a catch-up when the actor stops');

    await actor.followIterations(once({ ...signal(0, 4, true), runId: 'q' }));
    t.match(actor.status, { runId: 'q', policyRunId: 'r', policyVersion: 4 }, 'whose version it serves meanwhile');
  },
);

t.test('Generate keeps to the bounds of the run that it names, whichever run the actor serves', async (t) => {
  const folder = await temporaryFolder(t);
  const long = await writeTinyPolicy(join(folder, 'policies'), 'q', 1, 128);
  const short = await writeTinyPolicy(join(folder, 'policies'), 'r', 5);
  const { actor } = await startActor(t, folder);
  for (const { ref, folder } of [long, short]) {
    await actor.followPolicies(once({ ...ref, folder, trainerAddress: '' }));
    await until(() => actor.status.runId === ref.runId && actor.status.policyVersion === ref.version, 'it is served');
  }
  const handlers = actorHandlers(actor, { maxGeneratePrompts: 8 });
  const call = async (runId: string, policyVersion: number) => {
    const prompt = { text: '', tokens: new Int32Array(100).fill(3) };
    const request = { ...generateRequest([prompt]), runId, policyVersion, maxTokens: 6 };
    const context = { signal: new AbortController().signal, peer: '', deadlineMs: null };
    const answers: GenerateResult[] = [];
    for await (const answer of handlers.generate(request, context)) answers.push(answer);
    return answers;
  };
  t.match(await call('q', 1), [{ id: 'p0', policyVersion: 1 }], 'it has room for 128');
  await t.rejects(call('r', 5), { code: 'INVALID_INPUT', message: /100 tokens .* room for 0/ });
});

t.test('an actor says in the registry that its engine cannot generate for the run', async (t) => {
  const folder = await temporaryFolder(t);
  const { ref, folder: at } = await writeTinyPolicy(join(folder, 'policies'), 'r', 5);
  const engine = new FakeEngine(4);
  engine.failAdmission = new SegueError('UNIMPLEMENTED', 'temperature 0.8');
  const { actor, bus, announcements } = await startActor(t, folder, engine);
  await actor.followPolicies(once({ ...ref, folder: at, trainerAddress: '' }));
  await until(() => actor.status.policyVersion === 5, 'version 5 is served');
  t.equal(actor.registration.trouble, '');
  const [lease] = bus.put(new FakeLease(rolloutTask(0)));
  const said = announcements.length;
  await actor.followIterations(once(signal(3, 5, true)));
  await until(() => lease!.givenBack !== null, 'the task is left to others');
  t.match(actor.registration.trouble, /cannot generate for run r, .*: temperature 0\.8/);
  t.match(actor.status.refusedRuns, [{ runId: 'r', reason: /temperature 0\.8/ }]);
  t.ok(announcements.length > said, 'at once');
});
