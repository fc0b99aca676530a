/** Wire formats: every message there and back, bytes that are cut or spoilt or from another version, alignment. */
import type { ActorApi, ControllerApi, ReplayApi, RewardApi, RunView, TrainerApi } from '@segue/core';
import { SeededRandom, SegueError } from '@segue/core';
import { Unpackr } from 'msgpackr';
import t from 'tap';
import { float32FromBytes, int32FromBytes, littleEndian } from '../dist/convert/bytes.js';
import {
  actorContract,
  type Contract,
  controllerContract,
  replayContract,
  rewardContract,
  trainerContract,
} from '../dist/index.js';
import { type BoundMethod, bindContract } from '../dist/rpc/wire.js';
import { type Body, checksum, decodeBody, encodeBody } from '../dist/stream/codec.js';
import * as formats from '../dist/stream/messages.js';
import { formatPart, PartJoiner, splitBody } from '../dist/stream/parts.js';
import {
  actorStatus,
  group,
  iterationRecord,
  plannedTask,
  policyRef,
  problem,
  problemInput,
  registration,
  rolloutTask,
  runRecord,
  score,
  segment,
  statistics,
  summary,
  trajectory,
} from './samples.js';

/** For each RPC what it may carry: requests (a stream's parts) and responses. */
type Samples<Api> = {
  readonly [K in keyof Api]: Api[K] extends {
    readonly header: infer H;
    readonly item: infer I;
    readonly response: infer R;
  }
    ? { readonly requests: readonly ({ header: H } | { item: I })[]; readonly responses: readonly R[] }
    : Api[K] extends { readonly request: infer Q; readonly response: infer R }
      ? { readonly requests: readonly Q[]; readonly responses: readonly R[] }
      : never;
};

const ofRun = { requests: [{ runId: 'r' }] };
const nothing = { requests: [{}] };
const header = { header: { runId: 'r', batchId: 'b-1' } };
const batchResult = { accepted: 3, repeated: true };

const replaySamples: Samples<ReplayApi> = {
  putRun: {
    requests: [
      { run: runRecord, expectedRevision: 0 },
      { run: runRecord, expectedRevision: null },
    ],
    responses: [runRecord],
  },
  getRun: { ...ofRun, responses: [runRecord] },
  listRuns: { ...nothing, responses: [{ runs: [] }, { runs: [runRecord, { ...runRecord, state: 'failed' }] }] },
  putProblems: { requests: [header, { item: problem }], responses: [batchResult] },
  listProblems: {
    requests: [
      { runId: 'r', purpose: null },
      { runId: 'r', purpose: 'evaluation' },
    ],
    responses: [
      { problem, attempts: 4, successes: 1, openGroups: 0, lastIteration: 0 },
      { problem, attempts: 0, successes: 0, openGroups: 0, lastIteration: null },
    ],
  },
  openIteration: {
    requests: [
      { runId: 'r', iteration: 0, policyVersion: 0, maxAttempts: 5, newGroups: [group], tasks: [plannedTask] },
    ],
    responses: [iterationRecord],
  },
  appendSegment: {
    requests: [{ runId: 'r', segment }],
    responses: [
      { outcome: 'committed', kept: segment, detail: '' },
      { outcome: 'kept-earlier', kept: segment, detail: 'x' },
      { outcome: 'closed', kept: null, detail: '' },
      { outcome: 'stale', kept: null, detail: '' },
    ],
  },
  recordScore: { requests: [{ runId: 'r', score }], responses: [{ recorded: false, kept: score }] },
  closeIteration: { requests: [{ runId: 'r', iteration: 7 }], responses: [{ ...iterationRecord, state: 'closed' }] },
  freezeBatch: {
    requests: [{ runId: 'r', iteration: 7, maxGroups: 0, minUsable: 3, keepEqual: true }],
    responses: [{ ...iterationRecord, state: 'frozen', batchGroupIds: ['r-g0', 'r-g1'] }],
  },
  commitIteration: {
    requests: [{ runId: 'r', iteration: 7, policyVersionOut: 8, metricsJson: '{}' }],
    responses: [{ ...iterationRecord, state: 'committed' }],
  },
  getIteration: {
    requests: [
      { runId: 'r', iteration: 0 },
      { runId: 'r', iteration: null },
    ],
    responses: [iterationRecord],
  },
  listIterations: { requests: [{ runId: 'r', fromIteration: 2 }], responses: [iterationRecord] },
  getTrajectory: { requests: [{ trajectoryId: 'r-g0-t0' }], responses: [trajectory, { ...trajectory, score: null }] },
  listUnfinished: { ...ofRun, responses: [summary, { ...summary, endReason: null, reward: null }] },
  listTrajectories: {
    ...ofRun,
    responses: [
      {
        summary,
        segments: [
          { ...segment, tokens: new Int32Array(0), logProbs: new Float32Array(0), lossMask: null, origins: null },
        ],
        tokenCounts: [3],
      },
    ],
  },
  streamCompleteGroups: {
    requests: [
      { runId: 'r', iteration: 0 },
      { runId: 'r', iteration: null },
    ],
    responses: [{ group, trajectories: [trajectory] }],
  },
  sample: {
    requests: [
      { runId: 'r', count: 2, selector: 'uniform', seed: 9 },
      { runId: 'r', count: 2, selector: 'fifo', seed: 9 },
      { runId: 'r', count: 2, selector: 'lifo', seed: 9 },
      { runId: 'r', count: 2, selector: 'prioritized', seed: 9 },
    ],
    responses: [{ trajectories: [trajectory], probabilities: [0.25], population: 4 }],
  },
  appendEvent: {
    requests: [{ runId: 'r', kind: 'phase', bodyJson: '{}', atMs: 1.5, key: 'k' }],
    responses: [{ sequence: 2 ** 40, kind: 'phase', bodyJson: '{}', atMs: 1.5 }],
  },
  listEvents: {
    requests: [{ runId: 'r', afterSequence: 2 ** 40 }],
    responses: [{ sequence: 1, kind: 'x', bodyJson: '', atMs: 0 }],
  },
  getStatistics: { ...ofRun, responses: [statistics] },
};

const runView: RunView = {
  id: 'r',
  state: 'running',
  configJson: '{}',
  iterations: 3,
  policyVersion: 2,
  createdAtMs: 12.5,
  error: '',
  trainProblems: 1,
  evaluationProblems: 2,
  warmupProblems: 3,
};

const controllerSamples: Samples<ControllerApi> = {
  submitProblems: {
    requests: [
      header,
      { item: problemInput },
      { item: { ...problemInput, id: null, difficulty: null, response: null, purpose: 'evaluation' } },
      {
        item: {
          ...problemInput,
          prompt: [
            { role: 'system', parts: [{ type: 'text', text: 'hi' }] },
            { role: 'user', parts: [{ type: 'image', url: 'http://x' }] },
          ],
        },
      },
    ],
    responses: [{ ...batchResult, batchId: 'b-1' }],
  },
  createRun: { requests: [{ runId: 'r', configJson: '{}' }], responses: [runView] },
  getRun: { ...ofRun, responses: [runView] },
  listRuns: {
    ...nothing,
    responses: [
      {
        runs: (['created', 'running', 'paused', 'stopped', 'finished', 'failed'] as const).map((state) => ({
          ...runView,
          state,
        })),
      },
    ],
  },
  pauseRun: { ...ofRun, responses: [runView] },
  resumeRun: { ...ofRun, responses: [runView] },
  stopRun: { ...ofRun, responses: [runView] },
  watchRun: {
    requests: [{ runId: 'r', fromStart: true, afterSequence: 4 }],
    responses: [{ sequence: 1, kind: 'phase', bodyJson: '{}', atMs: 3 }],
  },
  evaluate: {
    requests: [
      {
        runId: 'r',
        policyVersion: null,
        maxProblems: 0,
        samples: 4,
        sampling: { temperature: 0.7, topK: 3, topP: 0.95 },
      },
      { runId: 'r', policyVersion: 0, maxProblems: 5, samples: 1, sampling: null },
    ],
    responses: [
      {
        policyVersion: 0,
        problems: 5,
        samples: 4,
        accuracy: 0,
        failed: 1,
        responseTokensMean: 1.5,
        responseTokensP95: 3,
      },
      {
        policyVersion: 1,
        problems: 5,
        samples: 4,
        accuracy: null,
        failed: 20,
        responseTokensMean: 0,
        responseTokensP95: 0,
      },
    ],
  },
  getClusterStatus: {
    ...ofRun,
    responses: [
      {
        runId: 'r',
        iteration: 0,
        phase: 'rollout',
        phaseSinceMs: 1,
        waiting: [{ what: 'segments', from: 'actor-1', sinceMs: 5, count: 2 }],
        actors: [{ actorId: 'a', address: 'h:1', running: 1, slots: 2, policyVersion: 0, seenAtMs: 2 }],
        services: [{ service: 'replay', id: 'replay', address: 'h:2' }],
      },
    ],
  },
};

const actorSamples: Samples<ActorApi> = {
  generate: {
    requests: [
      {
        runId: 'r',
        policyVersion: null,
        prompts: [
          { id: 'p', tokens: Int32Array.of(1, -2), text: '', responseTokens: Int32Array.of(3) },
          { id: 'q', tokens: null, text: 'say', responseTokens: new Int32Array(0) },
        ],
        sampling: { temperature: 0, topK: 0, topP: 1 },
        maxTokens: 0,
        seed: 4294967295,
        stopOnRepeat: true,
      },
    ],
    responses: (['stop', 'repeat', 'length', 'budget', 'yield', 'error'] as const).map((endReason) => ({
      id: 'p',
      tokens: Int32Array.of(5, 6),
      logProbs: Float32Array.of(-0.5, -1.25),
      endReason,
      policyVersion: 2,
      text: 'ö',
    })),
  },
  getActorStatus: { ...nothing, responses: [actorStatus, { ...actorStatus, policyVersion: 0, flushedIteration: 0 }] },
  loadPolicy: { requests: [{ policy: policyRef }], responses: [actorStatus] },
  drain: { ...nothing, responses: [actorStatus] },
};

const version = { ref: policyRef, parent: 2, bytes: 2 ** 33, folder: '/p/3' };
const trainProgress = { stage: 'train', step: 1, steps: 2, metricsJson: '{}', version: null };

const trainerSamples: Samples<TrainerApi> = {
  initializePolicy: { ...ofRun, responses: [version] },
  fineTune: {
    requests: [{ runId: 'r', fromVersion: 0, replace: true }],
    responses: [trainProgress, { ...trainProgress, version }],
  },
  trainIteration: { requests: [{ runId: 'r', iteration: 0 }], responses: [{ ...trainProgress, version }] },
  getTrainerStatus: {
    ...nothing,
    responses: [{ state: 'idle', runId: '', policyVersion: null, stage: '', step: 0, steps: 0, device: 'cpu' }],
  },
  downloadPolicy: {
    requests: [{ policy: policyRef }],
    responses: [{ file: 'model.safetensors', offset: 2 ** 33, fileBytes: 2 ** 34, data: Buffer.from([1, 2, 255]) }],
  },
};

const rewardSamples: Samples<RewardApi> = {
  scoreBatch: {
    requests: [
      {
        requests: [
          {
            id: 'x',
            scorer: 'exact',
            prompt: 'p',
            response: 'r',
            answer: 'a',
            metadata: { numbers: [1, 2], deep: {} },
          },
        ],
      },
    ],
    responses: [
      {
        scores: [
          score,
          { ...score, status: 'wrong', reward: 0 },
          { ...score, status: 'timeout', reward: null },
          { ...score, status: 'error', reward: null },
        ],
      },
    ],
  },
  listScorers: { ...nothing, responses: [{ scorers: [{ name: 'exact', description: 'd', metadataSchemaJson: '' }] }] },
};

interface AnySamples {
  readonly requests: readonly unknown[];
  readonly responses: readonly unknown[];
}

function checkAll(
  service: string,
  methods: readonly BoundMethod[],
  samples: Readonly<Record<string, AnySamples>>,
): void {
  t.test(`${service}: every message comes back as it went`, async (t) => {
    for (const { name, request, response } of methods) {
      const { requests, responses } = samples[name]!;
      for (const value of requests) t.strictSame(request.decode(request.encode(value)), value, `${name} request`);
      for (const value of responses) t.strictSame(response.decode(response.encode(value)), value, `${name} response`);
    }
  });
}

checkAll('replay', bindContract(replayContract), replaySamples);
checkAll('controller', bindContract(controllerContract), controllerSamples);
checkAll('actor', bindContract(actorContract), actorSamples);
checkAll('trainer', bindContract(trainerContract), trainerSamples);
checkAll('reward', bindContract(rewardContract), rewardSamples);

function method<Api extends { readonly [K in keyof Api]: Api[K] }>(methods: readonly BoundMethod[], name: keyof Api) {
  return methods.find((candidate) => candidate.name === name)!;
}

t.test('a contract without an entry for each RPC of its proto is refused', async (t) => {
  const { drain: _, ...rest } = actorContract.methods;
  const incomplete = { name: actorContract.name, methods: rest } as Contract<ActorApi>;
  t.throws(() => bindContract(incomplete), { code: 'INTERNAL', message: /Drain/ });
});

t.test('gRPC messages that do not hold what they say are refused by the name of the field', async (t) => {
  const { request } = method<ReplayApi>(bindContract(replayContract), 'appendSegment');
  const good = request.encode({ runId: 'r', segment });
  const wire = (change: Partial<typeof segment>) => request.encode({ runId: 'r', segment: { ...segment, ...change } });
  t.throws(() => request.decode(wire({ logProbs: new Float32Array(1) })), {
    code: 'INVALID_INPUT',
    message: /log_probs_le/,
  });
  t.throws(() => request.decode(wire({ origins: new Uint8Array(7) })), { code: 'INVALID_INPUT', message: /origins/ });
  t.throws(() => wire({ iteration: -1 }), { code: 'INVALID_INPUT', message: /iteration/ });
  t.throws(() => wire({ policyVersion: 2 ** 32 }), { code: 'INVALID_INPUT', message: /policy_version/ });
  t.throws(() => request.decode(Buffer.alloc(0)), { code: 'INVALID_INPUT', message: /segment is missing/ });
  t.throws(() => request.decode(good.subarray(0, good.length - 3)), { code: 'INVALID_INPUT', message: /not a valid/ });
  const { request: policy } = method<TrainerApi>(bindContract(trainerContract), 'downloadPolicy');
  t.throws(() => policy.decode(Buffer.alloc(0)), { code: 'INVALID_INPUT', message: /policy is missing/ });
});

t.test('an enum value of a later version, and one that was never set, are refused', async (t) => {
  const { response } = method<ReplayApi>(bindContract(replayContract), 'recordScore');
  const scoreBytes = (status: number) => {
    // RecordScoreResponse.kept (2) with Score.status (3).
    return Buffer.from([0x12, 0x02, 0x18, status]);
  };
  t.match(response.decode(scoreBytes(2)), { kept: { status: 'wrong' } });
  t.throws(() => response.decode(scoreBytes(99)), { code: 'INVALID_INPUT', message: /status/ });
  t.throws(() => response.decode(scoreBytes(0)), { code: 'INVALID_INPUT', message: /status/ });
});

t.test('zero means what the proto says it means', async (t) => {
  const replay = bindContract(replayContract);
  const empty = Buffer.alloc(0);
  t.match(method<ReplayApi>(replay, 'openIteration').request.decode(empty), { maxAttempts: 3 });
  t.match(method<ReplayApi>(replay, 'freezeBatch').request.decode(empty), { minUsable: 2, maxGroups: 0 });
  t.match(method<ReplayApi>(replay, 'listProblems').request.decode(empty), { purpose: null });
  t.match(method<ReplayApi>(replay, 'sample').request.decode(empty), { selector: 'uniform' });
  const controller = bindContract(controllerContract);
  t.match(method<ControllerApi>(controller, 'evaluate').request.decode(empty), { samples: 1, sampling: null });
  // evaluate with an empty Sampling (5): greedy, no limits.
  t.match(method<ControllerApi>(controller, 'evaluate').request.decode(Buffer.from([0x2a, 0x00])), {
    sampling: { temperature: 0, topK: 0, topP: 1 },
  });
  // submitProblems with an empty Problem (2): train, no id.
  t.match(method<ControllerApi>(controller, 'submitProblems').request.decode(Buffer.from([0x12, 0x00])), {
    item: { id: null, purpose: 'train', prompt: '', difficulty: null, metadata: {}, response: null },
  });
  t.throws(() => method<ControllerApi>(controller, 'submitProblems').request.decode(empty), { code: 'INVALID_INPUT' });
});

t.test('bytes are copied before they are viewed', async (t) => {
  const at1 = Buffer.concat([Buffer.from([9]), littleEndian(Int32Array.of(1, -2))]).subarray(1);
  t.equal(at1.byteOffset % 4 === 0, false, 'the source is not aligned');
  const numbers = int32FromBytes(at1, 'x');
  t.strictSame(numbers, Int32Array.of(1, -2));
  at1.fill(0);
  t.strictSame(numbers, Int32Array.of(1, -2), 'and not shared');
  t.strictSame(Buffer.from(littleEndian(Int32Array.of(1))), Buffer.from([1, 0, 0, 0]));
  t.strictSame(littleEndian(Int32Array.of(7, 8, 9).subarray(1)), Uint8Array.of(8, 0, 0, 0, 9, 0, 0, 0));
  t.throws(() => float32FromBytes(new Uint8Array(6), 'log_probs_le'), {
    code: 'INVALID_INPUT',
    message: /log_probs_le/,
  });
});

const segmentMessage = { runId: 'r', segment };
const read = <T>(format: formats.Format<T>, body: Uint8Array) => format.read(decodeBody(body, checksum(body)));

t.test('every body of the streams comes back as it went', async (t) => {
  const check = <T>(format: formats.Format<T>, values: readonly T[]) => {
    for (const value of values) t.strictSame(read(format, encodeBody(format.write(value))), value);
  };
  check(formats.rolloutTaskFormat, [rolloutTask]);
  check(formats.rewardTaskFormat, [{ runId: 'r', trajectoryId: 'r-g0-t0', attempt: 2 }]);
  check(formats.segmentFormat, [
    segmentMessage,
    { runId: 'r', segment: { ...segment, origins: null, lossMask: null, endReason: 'error', error: 'out of memory' } },
  ]);
  check(formats.scoreFormat, [
    { runId: 'r', score },
    { runId: 'r', score: { ...score, status: 'timeout', reward: null } },
  ]);
  check(formats.progressFormat, [{ runId: 'r', iteration: 3, kind: 'group' }]);
  check(formats.policyFormat, [{ runId: 'r', version: 0, manifestSha256: 'ab', folder: '/x', trainerAddress: 'h:1' }]);
  check(formats.signalFormat, [{ runId: 'r', iteration: 0, policyVersion: 0, open: false }]);
  check(formats.registrationFormat, [registration, { ...registration, policyVersion: 0, busySlotMs: { 'r/1': 12.5 } }]);
});

t.test('bodies are plain msgpack: maps, bytes with dtype and length, little-endian', async (t) => {
  const body = new Unpackr({ mapsAsObjects: true }).unpack(encodeBody(formats.segmentFormat.write(segmentMessage)));
  t.match(body, { v: 1, runId: 'r', tokens: { dtype: 'int32', n: 3 }, logProbs: { dtype: 'float32', n: 3 } });
  t.strictSame(Buffer.from(body.tokens.data), Buffer.from(Int32Array.from(segment.tokens).buffer));
});

t.test('spoilt, foreign and later bodies are refused', async (t) => {
  const body = Buffer.from(encodeBody(formats.segmentFormat.write(segmentMessage)));
  const sum = checksum(body);
  const spoilt = Buffer.from(body);
  spoilt[spoilt.length >> 1]! ^= 1;
  t.throws(() => decodeBody(spoilt, sum), { code: 'DATA_LOSS', message: /checksum/ });
  const packed = (value: Body) => encodeBody(value);
  t.throws(() => decodeBody(packed({ ...formats.segmentFormat.write(segmentMessage), v: 2 }), null), {
    code: 'INVALID_INPUT',
    message: /version 2 is unknown/,
  });
  const later = packed({ ...formats.segmentFormat.write(segmentMessage), mood: 'sunny' });
  t.strictSame(formats.segmentFormat.read(decodeBody(later, null)), segmentMessage, 'unknown keys are ignored');
  const withChange = (change: Body) => () =>
    read(formats.segmentFormat, packed({ ...formats.segmentFormat.write(segmentMessage), ...change }));
  t.throws(withChange({ index: -1 }), { code: 'INVALID_INPUT', message: /index/ });
  t.throws(withChange({ endReason: 'bored' }), { code: 'INVALID_INPUT', message: /endReason/ });
  t.throws(withChange({ trajectoryId: 'a.b' }), { code: 'INVALID_INPUT', message: /trajectoryId/ });
  t.throws(withChange({ logProbs: Float32Array.of(1) }), { code: 'INVALID_INPUT', message: /logProbs/ });
  t.throws(withChange({ tokens: { dtype: 'int32', n: 9, data: 'x' } }), { code: 'INVALID_INPUT', message: /data/ });
  t.throws(withChange({ tokens: Float32Array.of(1, 2, 3) }), { code: 'INVALID_INPUT', message: /float32, not int32/ });
});

t.test('hostile bodies are refused like any other, without end or damage', async (t) => {
  const random = new SeededRandom(7, 'hostile');
  const good = Buffer.from(encodeBody(formats.segmentFormat.write(segmentMessage)));
  let refused = 0;
  for (let trial = 0; trial < 3_000; trial++) {
    const body = trial % 2 === 0 ? Buffer.alloc(1 + random.below(64)) : Buffer.from(good);
    const changes = trial % 2 === 0 ? body.length : 1 + random.below(8);
    for (let i = 0; i < changes; i++) body[random.below(body.length)] = random.below(256);
    try {
      formats.segmentFormat.read(decodeBody(body, null));
    } catch (error) {
      if (!(error instanceof SegueError)) t.fail(`threw ${String(error)}`);
      refused++;
    }
  }
  t.ok(refused > 1_000, `${refused} refused`);
  const deep = Buffer.concat([Buffer.alloc(100_000, 0x91), Buffer.from([0xc0])]);
  t.throws(() => decodeBody(deep, null), SegueError, 'deeply nested');
  t.throws(
    () => decodeBody(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), null),
    SegueError,
    'a map of four thousand million',
  );
  t.equal(Object.hasOwn(Object.prototype, 'polluted'), false);
});

t.test('large bodies are put together from parts in any order, repeated ones included', async (t) => {
  const body = new Uint8Array(1_000_000).map((_, index) => index % 251);
  const parts = splitBody(body);
  t.equal(parts.length, 3);
  t.equal(splitBody(new Uint8Array(0)).length, 1);
  const delivery = (index: number) => ({
    message: { data: parts[index]! },
    header: () => formatPart(index, parts.length, 'seg'),
  });
  const joiner = new PartJoiner();
  const add = (index: number) => joiner.add(delivery(index) as unknown as Parameters<PartJoiner['add']>[0]);
  t.equal(add(2), null);
  t.equal(add(0), null);
  t.equal(add(2), null, 'delivered again');
  const whole = add(1);
  t.equal(whole?.deliveries.length, 3);
  t.ok(Buffer.from(body).equals(whole?.body ?? Buffer.alloc(0)));
});
