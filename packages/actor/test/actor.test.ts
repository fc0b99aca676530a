/**
 * The actor's other parts: bringing versions to this host, the Generate call, slot time, and the whole with a real
 * engine.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActivePolicy, IterationSignal } from '@segue/bus';
import {
  actorConfigSchema,
  type GenerateRequest,
  type GenerateResult,
  type PolicyChunk,
  type PolicyRef,
  parseRunConfig,
  SegueError,
} from '@segue/core';
import { WorkerEngine } from '@segue/engine';
import { createMetrics } from '@segue/service';
import { pino } from 'pino';
import t from 'tap';
import { Actor, type ActorShell } from '../dist/actor.js';
import { generate, sequencesOf } from '../dist/generate.js';
import { PolicyFollower } from '../dist/policy.js';
import { PolicyFiles } from '../dist/policy-files.js';
import { RunSettings } from '../dist/run-settings.js';
import { actorHandlers } from '../dist/service.js';
import { ChunkSums } from '../dist/status.js';
import { FakeBus, FakeLease, rolloutTask, settle, storedTrajectory, until } from './support/fakes.js';
import { type TinyPolicy, tokenizer, writeTinyPolicy } from './support/tiny-policy.js';

interface Test {
  fail(message: string): unknown;
  teardown(end: () => Promise<void>): void;
}

async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'segue-actor-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What the trainer streams, in small chunks; `spoil` may change a file's bytes. */
function trainerOf(policy: TinyPolicy, spoil: (name: string, bytes: Buffer) => Buffer = (_, bytes) => bytes) {
  return {
    async *downloadPolicy(): AsyncGenerator<PolicyChunk> {
      const names = await readdir(policy.folder);
      for (const file of ['manifest.json', ...names.filter((name) => name !== 'manifest.json')]) {
        const bytes = spoil(file, await readFile(join(policy.folder, file)));
        for (let offset = 0; offset < bytes.length; offset += 1_000) {
          yield { file, offset, fileBytes: bytes.length, data: bytes.subarray(offset, offset + 1_000) };
        }
      }
    },
  };
}

t.test('a version is read from the shared folder, else downloaded, and checked file by file', async (t) => {
  const root = await temporaryFolder(t);
  const policy = await writeTinyPolicy(join(root, 'store'), 'r', 3);
  let spoil = (_: string, bytes: Buffer) => bytes;
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => trainerOf(policy, (name, bytes) => spoil(name, bytes)),
    keepVersions: 2,
  });
  t.same(await files.locate(policy.ref, policy.folder), { folder: policy.folder, source: 'shared' });
  const cached = join(root, 'cache', 'r', '3');
  spoil = (name, bytes) =>
    name === 'model.safetensors' ? Buffer.concat([bytes.subarray(0, -1), Buffer.of(1)]) : bytes;
  await t.rejects(files.locate(policy.ref, join(root, 'elsewhere')), {
    code: 'DATA_LOSS',
    message: /model\.safetensors/,
  });
  spoil = (_, bytes) => bytes;
  t.same(await files.locate(policy.ref, join(root, 'elsewhere')), { folder: cached, source: 'downloaded' });
  t.same(await files.locate(policy.ref, null), { folder: cached, source: 'cached' });
  t.same(await readFile(join(cached, 'model.safetensors')), await readFile(join(policy.folder, 'model.safetensors')));
  await writeFile(join(cached, 'config.json'), '{}');
  t.same(
    await files.locate(policy.ref, null),
    { folder: cached, source: 'downloaded' },
    'a damaged copy is fetched again',
  );
  await t.rejects(files.locate({ ...policy.ref, manifestSha256: 'f'.repeat(64) }, policy.folder), {
    code: 'DATA_LOSS',
  });
  await writeFile(join(policy.folder, 'config.json'), '{}');
  await t.rejects(files.locate(policy.ref, policy.folder), {
    code: 'DATA_LOSS',
    message: /config\.json does not match/,
  });
});

t.test('a trainer cannot make the actor write outside its cache', async (t) => {
  const root = await temporaryFolder(t);
  const hostile = {
    async *downloadPolicy(): AsyncGenerator<PolicyChunk> {
      yield { file: '../../escaped', offset: 0, fileBytes: 1, data: Buffer.of(1) };
    },
  };
  const files = new PolicyFiles({ cacheFolder: join(root, 'cache'), trainer: async () => hostile, keepVersions: 2 });
  await t.rejects(files.locate({ runId: 'r', version: 1, manifestSha256: '' }, null), { code: 'DATA_LOSS' });
  t.strictSame((await readdir(root)).includes('escaped'), false);
});

t.test('the newest announcement wins, a version that cannot be had leaves the old one in place', async (t) => {
  const loads: number[] = [];
  const failures: string[] = [];
  let served: { runId: string; version: number; folder: string } | null = null;
  const locate = async (ref: PolicyRef, folder: string | null, signal?: AbortSignal) => {
    if (ref.version === 7) throw new SegueError('DATA_LOSS', 'damaged');
    if (ref.version === 8) {
      await new Promise((_, reject) =>
        signal?.addEventListener('abort', () => reject(new SegueError('CANCELLED', 'overtaken'))),
      );
    }
    return { folder: folder ?? 'downloaded', source: 'shared' as const };
  };
  const follower = new PolicyFollower({
    files: { locate },
    served: () => served,
    load: async (policy) => {
      served = policy;
      loads.push(policy.version);
    },
    onFailure: (ref) => failures.push(`${ref.version}`),
  });
  const announce = (version: number, manifestSha256 = 'a'): ActivePolicy => {
    return { runId: 'r', version, manifestSha256, folder: `/store/r/${version}`, trainerAddress: '' };
  };
  await follower.follow(announce(6));
  await follower.follow(announce(6));
  t.strictSame(loads, [6], 'loading what is served is nothing to do');
  await follower.follow(announce(6, 'b'));
  t.strictSame(loads, [6, 6], 'a version that was written anew under its number is loaded again');
  await t.rejects(follower.follow(announce(7)), { code: 'DATA_LOSS' });
  t.match(served, { version: 6 }, 'the old one goes on');
  const stuck = follower.follow(announce(8));
  await settle();
  await Promise.all([t.rejects(stuck, { code: 'CANCELLED' }), follower.follow(announce(9))]);
  t.strictSame(loads, [6, 6, 9]);
  t.strictSame(failures, ['7'], 'being overtaken is no failure');
  t.same(await follower.pin('r', null), served);
  t.same(
    await follower.pin('r', 4),
    { runId: 'r', version: 4, folder: '/store/r/4' },
    'beside the active one in the store',
  );
  await t.rejects(follower.pin('q', null), { code: 'FAILED_PRECONDITION' });
});

t.test('a version is checked and made ready ahead, and what was checked is loaded when it is announced', async (t) => {
  const root = await temporaryFolder(t);
  const [one, two] = [
    await writeTinyPolicy(join(root, 'store'), 'r', 1),
    await writeTinyPolicy(join(root, 'store'), 'r', 2),
  ];
  const events: string[] = [];
  let served: { runId: string; version: number; folder: string } | null = null;
  const files = new PolicyFiles({
    cacheFolder: join(root, 'cache'),
    trainer: async () => trainerOf(two),
    keepVersions: 2,
  });
  const follower = new PolicyFollower({
    files: {
      locate: (ref, ...rest) => {
        events.push(`check ${ref.version}`);
        return files.locate(ref, ...rest);
      },
    },
    served: () => served,
    load: async (policy) => {
      served = policy;
      events.push(`load ${policy.version}`);
    },
    prepare: async ({ version }) => void events.push(`prepare ${version}`),
  });
  const announce = ({ ref, folder }: TinyPolicy): ActivePolicy => ({ ...ref, folder, trainerAddress: '' });
  await follower.follow(announce(one));
  await follower.prepare(two.ref, two.folder);
  t.match(served, { version: 1 }, 'not served before it is announced');
  await follower.follow(announce(two));
  t.strictSame(events.splice(0), ['check 1', 'load 1', 'check 2', 'prepare 2', 'load 2']);
  await follower.prepare(two.ref, two.folder);
  t.strictSame(events, [], 'what is served is ready');

  await follower.prepare(one.ref, one.folder);
  await follower.serve({ ...one.ref, manifestSha256: '' });
  t.strictSame(
    events.splice(0),
    ['check 1', 'prepare 1', 'check 1', 'load 1'],
    'a reference without a checksum may be to other content: checked again',
  );

  const weights = join(two.folder, 'model.safetensors');
  const bytes = await readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(weights, bytes);
  await t.rejects(follower.prepare(two.ref, two.folder), { code: 'DATA_LOSS', message: /model\.safetensors/ });
  await t.rejects(follower.follow(announce(two)), { code: 'DATA_LOSS', message: /model\.safetensors/ });
  t.match(served, { version: 1 }, 'one flipped bit: the old one goes on, however far the new one was made ready');
});

const settings = new RunSettings(parseRunConfig({ rollout: { maxResponseTokens: 20, tokenBudget: 10 } }, 'test'));
const setting = {
  policy: { runId: 'r', version: 5, folder: 'x' },
  settings,
  tokenizer,
  maxPrompts: 3,
  maxContextTokens: 32,
  vocabularySize: tokenizer.vocabularySize,
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

t.test('busy slot time counts a sequence up to its last token; engine time is kept by batch', async (t) => {
  const sums = new ChunkSums();
  // Four sequences, 8 steps in 80 ms after 20 ms of prefill; two of them ended half-way.
  const report = { finished: [], running: 4, tokens: 24, steps: 8, durationMs: 100, prefillMs: 20, loopMs: 72 };
  sums.add('r/3', report, 4, 1);
  t.equal(sums.busySlotMs['r/3'], 4 * 20 + 3 * 80);
  t.strictSame(sums.engineTimes['r/3'], {
    prefillMs: 20,
    decode: { 4: { chunks: 1, steps: 8, rowSteps: 32, loopMs: 72, decodeMs: 80 } },
  });
  sums.add('r/4', report, 4, 0.5);
  t.equal(sums.busySlotMs['r/4'], (4 * 20 + 3 * 80) / 2, 'evaluations do not count');
  t.equal(sums.engineTimes['r/4']?.prefillMs, 10, 'nor here');
  sums.add('r/5', report, 4, 1);
  t.strictSame(Object.keys(sums.engineTimes), ['r/4', 'r/5'], 'the newest few are kept');
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

/** An actor with a real engine on its thread; the queue and the store are in memory. */
async function startActor(t: Test, folder: string) {
  const bus = new FakeBus();
  const announcements: number[] = [];
  const config = parseRunConfig({ rollout: { maxPromptTokens: 8, maxResponseTokens: 40, tokenBudget: 10 } }, 'test');
  const replay = {
    getRun: async ({ runId }: { runId: string }) => ({ ...run, id: runId, configJson: JSON.stringify(config) }),
    getTrajectory: async ({ trajectoryId }: { trajectoryId: string }) => storedTrajectory(trajectoryId),
  };
  const shell: ActorShell = {
    config: actorConfigSchema.parse({ id: 'a', slots: 4, chunkTokens: 4, dataFolder: folder }),
    log: pino({ level: 'silent' }),
    metrics: createMetrics('actor', 'a'),
    bus,
    peers: { replay: async () => replay, trainer: () => Promise.reject(new Error('no trainer')) },
    fail: (error) => t.fail(String(error)),
    announce: async () => void announcements.push(actor.loop.flushedIteration ?? -1),
  };
  const actor: Actor = new Actor(shell, () => new WorkerEngine({ slots: 4, chunkTokens: 4 }));
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
  },
);
