/** The gRPC face of the controller: each call is handed to the part that does it. The meaning of every call is in protos/segue/v1/controller.proto. */
import { currentTrace, type Handlers, inSpan } from '@segue/bus';
import {
  type ControllerApi,
  type EvaluationRequest,
  type EvaluationResult,
  parseRunConfig,
  type RunConfig,
  SegueError,
} from '@segue/core';
import { Admission } from './admission.js';
import { type Cluster, collect } from './cluster.js';
import { deadLetterHandlers } from './dead-letters.js';
import { evaluatePolicy } from './evaluate.js';
import type { EvaluationRefusal } from './evaluation-bound.js';
import type { Journal } from './journal.js';
import type { ControllerMetrics } from './metrics.js';
import { parseProgress } from './run-progress.js';
import type { Runs } from './runs.js';
import type { Watchdog } from './status.js';
import { type SubmitLimits, submitProblems } from './submit.js';
import type { Tokenizers } from './tokenizers.js';
import type { Waits } from './waits.js';
import { watchRun } from './watch.js';

export interface ControllerParts {
  readonly cluster: Cluster;
  readonly runs: Runs;
  readonly journal: Journal;
  readonly waits: Waits;
  readonly watchdog: Watchdog;
  readonly tokenizers: Tokenizers;
  readonly metrics: ControllerMetrics;
  readonly limits: SubmitLimits;
}

export function controllerHandlers(parts: ControllerParts): Handlers<ControllerApi> {
  const { cluster, runs, journal, watchdog, tokenizers, metrics, limits } = parts;
  const admission = new Admission(limits);
  return {
    submitProblems: async (header, items, { signal }) => {
      const attributes = { 'segue.run': header.runId, 'segue.batch': header.batchId };
      const submit = () =>
        inSpan({ name: 'submit problems', parent: currentTrace(), attributes }, () =>
          submitProblems(cluster, tokenizers, limits, header, items, signal),
        );
      const result = await admission.during(signal, submit).catch((error) => {
        if (SegueError.from(error).retryAfterMs !== null) metrics.submissions_refused_total.inc();
        throw error;
      });
      if (!result.repeated) metrics.problems_accepted_total.inc(result.accepted);
      return result;
    },
    createRun: ({ runId, configJson }) => runs.create(runId, configJson),
    getRun: ({ runId }) => runs.get(runId),
    listRuns: async () => ({ runs: await runs.list() }),
    pauseRun: ({ runId }, { signal }) => runs.rest(runId, 'paused', signal),
    resumeRun: ({ runId }) => runs.resume(runId),
    stopRun: ({ runId }, { signal }) => runs.rest(runId, 'stopped', signal),
    watchRun: (request, { signal }) => watchRun(cluster, journal, request, signal),
    evaluate: (request, { signal }) => evaluate(parts, request, signal),
    getClusterStatus: async ({ runId }) => watchdog.status(runId),
    listScorers: async () => (await cluster.reward()).listScorers({}),
    registerScorers: async (server, { signal }) => (await cluster.scorerList()).registerScorers(server, { signal }),
    unregisterScorers: async (server, { signal }) => (await cluster.scorerList()).unregisterScorers(server, { signal }),
    ...deadLetterHandlers(cluster, () => runs.active?.forgetCandidates()),
  };
}

async function evaluate(
  { cluster, waits }: ControllerParts,
  request: EvaluationRequest,
  signal: AbortSignal,
): Promise<EvaluationResult> {
  const { runId } = request;
  const replay = await cluster.replay();
  const record = await replay.getRun({ runId });
  const { policy } = parseProgress(record);
  const policyVersion = request.policyVersion ?? policy?.ref.version;
  const records = await collect(replay.listProblems({ runId, purpose: 'evaluation' }));
  if (policyVersion === undefined || records.length === 0) {
    throw new SegueError('FAILED_PRECONDITION', `run ${runId} has no evaluation problems or no policy yet`);
  }
  const { rollout, seed }: RunConfig = parseRunConfig(JSON.parse(record.configJson), `configuration of run ${runId}`);
  const { temperature, topK, topP } = rollout;
  const problems = records
    .map((entry) => entry.problem)
    .slice(0, request.maxProblems === 0 ? undefined : request.maxProblems);
  const samples = Math.max(1, request.samples);
  cluster.evaluations.require(problems.length, samples, tooManyAsked);
  const plan = {
    runId,
    policyVersion,
    problems,
    samples,
    sampling: request.sampling ?? { temperature, topK, topP },
    maxTokens: rollout.maxResponseTokens,
    seed,
    stopOnRepeat: rollout.repeat.enabled,
  };
  return cluster.evaluations.during(problems.length * samples, () => evaluatePolicy(cluster, waits, plan, signal));
}

const tooManyAsked: EvaluationRefusal = {
  code: 'INVALID_INPUT',
  advice: 'ask for fewer problems or samples, in several calls',
};
