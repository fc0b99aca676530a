/** The services of a world as clients of them, a few lines each. */
import type { Client } from '@segue/bus';
import {
  type ActorApi,
  type ActorStatus,
  type GenerateResult,
  hashText,
  type PolicyVersionInfo,
  type Problem,
  type ReplayApi,
  type RewardApi,
  type Score,
  SegueError,
  type TrainerApi,
  type TrainProgress,
} from '@segue/core';
import { createCharacterTokenizer, saveTokenizer } from '@segue/tokenizer';
import type { Cluster } from '../dist/cluster.js';
import { notFound, type World } from './fake-world.js';

export const alphabet = '0123456789+-*= \nabcdefghijklmnopqrstuvwxyz';

/** Clients of the world's services. Each method is looked up by name, so `guard` can stand before it. */
export function clientsOf(world: World) {
  const replay: Partial<Client<ReplayApi>> = {
    putRun: async ({ run, expectedRevision }) => {
      const kept = world.runs.get(run.id);
      if (expectedRevision === null && kept !== undefined) return kept;
      if (expectedRevision !== null && kept?.revision !== expectedRevision) {
        throw new SegueError('FAILED_PRECONDITION', 'another write came first');
      }
      world.runs.set(run.id, { ...run, revision: (kept?.revision ?? 0) + 1 });
      return replay.getRun!({ runId: run.id });
    },
    getRun: async ({ runId }) => {
      const run = world.runs.get(runId);
      if (run === undefined) throw notFound(`run ${runId}`);
      const count = (purpose: string) =>
        world.problems.filter((p) => p.runId === runId && p.problem.purpose === purpose).length;
      return {
        ...run,
        trainProblems: count('train'),
        evaluationProblems: count('evaluation'),
        warmupProblems: count('warmup'),
      };
    },
    listRuns: async () => ({ runs: [...world.runs.values()] }),
    putProblems: async ({ runId }, items) => {
      const problems: Problem[] = [];
      for await (const problem of items) problems.push(problem);
      world.addProblems(runId, problems);
      return { accepted: problems.length, repeated: false };
    },
    listProblems: async function* ({ runId, purpose }) {
      for (const entry of world.problems) {
        if (entry.runId !== runId || (purpose !== null && entry.problem.purpose !== purpose)) continue;
        const ofProblem = [...world.groups.values()].filter(
          (group) => group.runId === runId && group.problemId === entry.problem.id && group.state === 'open',
        );
        yield {
          problem: entry.problem,
          attempts: 0,
          successes: 0,
          openGroups: ofProblem.filter((group) => !world.isComplete(group)).length,
          lastIteration: null,
          givenUp: world.givenUp.has(entry.problem.id),
          requeued: false,
        };
      }
    },
    openIteration: async (request) => world.open(request),
    closeIteration: async ({ runId, iteration }) => world.change(runId, iteration, 'open', () => ({ state: 'closed' })),
    freezeBatch: async ({ runId, iteration, maxGroups }) =>
      world.change(runId, iteration, 'closed', () => world.freeze(runId, maxGroups)),
    commitIteration: async ({ runId, iteration, policyVersionOut, metricsJson }) =>
      world.change(runId, iteration, 'frozen', () => {
        for (const id of world.iterations.get(runId)![iteration]!.record.batchGroupIds) {
          world.groups.get(id)!.state = 'consumed';
        }
        return { state: 'committed', policyVersionOut, metricsJson };
      }),
    getIteration: async ({ runId, iteration }) => {
      const entry = world.iterations.get(runId)?.at(iteration ?? -1);
      if (entry === undefined) throw notFound('iteration');
      return world.view(entry);
    },
    getIterationProgress: async ({ runId, iteration }) => {
      const entry = world.iterations.get(runId)?.at(iteration);
      if (entry === undefined) throw notFound('iteration');
      return world.view(entry).progress;
    },
    listIterations: async function* ({ runId }) {
      for (const entry of world.iterations.get(runId) ?? []) yield world.view(entry);
    },
    listUnfinished: async function* ({ runId }) {
      world.looks.trajectories++;
      yield* world.summaries(runId);
    },
    appendEvent: async ({ runId, key, ...event }) => {
      const events = world.events.get(runId) ?? [];
      world.events.set(runId, events);
      const kept = key === '' ? undefined : events.find((e) => e.key === key);
      if (kept !== undefined) return kept;
      events.push({ ...event, key, sequence: events.length + 1 });
      return events.at(-1)!;
    },
    listEvents: async function* ({ runId, afterSequence }) {
      for (const event of (world.events.get(runId) ?? []).slice(afterSequence)) yield event;
    },
    getStatistics: async ({ runId }) => ({
      trajectoriesByState: { unfinished: world.summaries(runId).length, finished: world.awaiting(runId).length },
      segmentsByEndReason: {},
      appendsByOutcome: {},
      groupsOpen: 0,
      groupsComplete: 0,
      groupsConsumed: 0,
      groupsFiltered: 0,
      finished: 0,
      spanning: 0,
      generatedTokens: 0,
      reprefilledTokens: 0,
      promptTokens: 0,
      bytesOnDisk: 0,
      deadLettersByKind: {},
      runsRetired: 2,
      heldFromIteration: null,
      heldToIteration: null,
    }),
  };
  const written = (policy: PolicyVersionInfo, metricsJson: string): TrainProgress[] => [
    { stage: 'train', step: 1, steps: 2, metricsJson: '{"loss":1.5}', version: null },
    { stage: 'done', step: 2, steps: 2, metricsJson, version: policy },
  ];
  const trainer: Partial<Client<TrainerApi>> = {
    initializePolicy: async ({ runId }) => {
      await saveTokenizer(createCharacterTokenizer(alphabet), world.folder);
      return world.policy(runId, 0);
    },
    fineTune: async function* ({ runId }) {
      yield* written({ ...world.policy(runId, 0), bytes: 2 }, '{"loss":0.5}');
    },
    trainIteration: async function* ({ runId, iteration }) {
      const failure = world.trainFails?.() ?? null;
      if (failure !== null) throw failure;
      const { batchGroupIds, policyVersion } = world.iterations.get(runId)![iteration]!.record;
      const name = `${runId}/${iteration}: ${batchGroupIds.join(' ')}`;
      // A version that was written from the same batch is answered without training again.
      if (!world.trained.includes(name)) world.trained.push(name);
      yield* written(world.policy(runId, policyVersion + 1), '{"loss":0.25}');
    },
  };
  const reward: Partial<Client<RewardApi>> = {
    listScorers: async () => ({
      scorers: [
        { name: 'exact', description: '', metadataSchemaJson: '', servers: null },
        { name: 'expression', description: '', metadataSchemaJson: '{"type":"object"}', servers: null },
      ],
    }),
    scoreBatch: async ({ requests }) => ({
      scores: requests.map(({ id, scorer }): Score => {
        const status = world.scoreOf(id);
        const reward = status === 'ok' ? 1 : status === 'wrong' ? 0 : null;
        return { trajectoryId: id, scorer, status, reward, detail: '', durationMs: 0 };
      }),
    }),
  };
  const actor = (id: string): Partial<Client<ActorApi>> => ({
    getActorStatus: async (): Promise<ActorStatus> => ({
      ...world.registration(id),
      actorId: id,
      trajectoryIds: [...world.held.keys()],
      draining: false,
      device: 'cpu',
      generatedTokens: 0,
      reprefilledTokens: 0,
      engineCall: '',
      engineCallMs: 0,
      policyRunId: world.active?.runId ?? '',
      refusedRuns: world.refusedRuns,
    }),
    preparePolicy: async ({ policy }) => {
      world.prepared.push(`${id}: ${policy.version}`);
      return clientsOf(world).actor(id).getActorStatus!({});
    },
    generate: async function* ({ prompts, policyVersion }) {
      const pinned = [...world.pinned];
      world.generateCalls.push({ actor: id, ids: prompts.map((p) => p.id), version: policyVersion, pinned });
      for (const [n, prompt] of prompts.entries()) {
        world.beforeGenerate(
          id,
          prompts.slice(n).map((p) => p.id),
        );
        const tokens = Int32Array.from({ length: 1 + (hashText(prompt.id) % 5) }, () => 5);
        const result: GenerateResult = {
          id: prompt.id,
          tokens,
          logProbs: new Float32Array(tokens.length),
          endReason: 'stop',
          policyVersion: policyVersion ?? 0,
          text: 'x',
        };
        yield result;
      }
    },
  });
  const bus: Cluster['bus'] = {
    publishRolloutTasks: async (tasks) => {
      world.published.push(...tasks);
      world.queue.push(...tasks);
      queueMicrotask(() => world.pump());
    },
    purgeRolloutTasks: async (runId) => {
      const before = world.queue.length;
      world.queue = world.queue.filter((task) => task.runId !== runId);
      return before - world.queue.length;
    },
    emptyRolloutQueue: async () => {
      world.queue = [];
      world.deafQueue = false;
      world.leasesOfTheDead = 0;
      world.onEmptied();
    },
    deliveredTasks: async (runId) => world.delivered(runId),
    markLostTries: async ({ trajectoryId }, count) => void world.lostTries.set(trajectoryId, count),
    lostTries: async () => [],
    forgetLostTries: async () => undefined,
    republish: async () => undefined,
    watchProgress: async function* ({ signal } = {}) {
      let ring: () => void = () => undefined;
      const nudge = () => ring();
      world.nudges.add(nudge);
      try {
        while (signal?.aborted === false) {
          await new Promise<void>((resolve) => {
            ring = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
          yield { runId: world.signal?.runId ?? '', iteration: 0, kind: 'segment' as const };
        }
      } finally {
        world.nudges.delete(nudge);
      }
    },
    putActivePolicy: async (policy) => {
      world.active = policy;
      world.pump();
    },
    getActivePolicy: async () => world.active,
    putIterationSignal: async (signal) => world.putSignal(signal),
    getIterationSignal: async () => world.signal,
    registrations: async () => world.actors.map((id) => world.registration(id)),
    queueDepths: async () => {
      world.looks.queues++;
      const { leaseMs } = world;
      const none = { pending: 0, leased: 0, leaseMs };
      const rollout = {
        pending: world.deafQueue ? 0 : world.queue.length,
        leased: world.held.size + world.leasesOfTheDead,
        leaseMs,
      };
      return { rollout, reward: none, segments: { ...none, pending: world.stream.length }, scores: none };
    },
  };
  return { replay, trainer, reward, actor, bus };
}
