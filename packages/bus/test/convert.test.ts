/** gRPC messages: each one there and back, fields that do not hold what they say, what zero means, aligned bytes. The bodies of the streams are in codec.test.ts. */
import type { ActorApi, ControllerApi, ReplayApi, TrainerApi } from '@segue/core';
import t from 'tap';
import { float32FromBytes, int32FromBytes, littleEndian } from '../dist/convert/bytes.js';
import {
  actorContract,
  type Contract,
  controllerContract,
  replayContract,
  rewardContract,
  scorerListContract,
  tablesContract,
  trainerContract,
} from '../dist/index.js';
import { type BoundMethod, bindContract } from '../dist/rpc/wire.js';
import { actorSamples, controllerSamples, replaySamples, trainerSamples } from './rpc-samples.js';
import { segment } from './samples.js';
import { rewardSamples, scorerListSamples } from './scorer-samples.js';
import { tablesSamples } from './table-samples.js';

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
checkAll('tables', bindContract(tablesContract), tablesSamples);
checkAll('controller', bindContract(controllerContract), controllerSamples);
checkAll('actor', bindContract(actorContract), actorSamples);
checkAll('trainer', bindContract(trainerContract), trainerSamples);
checkAll('reward', bindContract(rewardContract), rewardSamples);
checkAll('scorer list', bindContract(scorerListContract), scorerListSamples);

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
