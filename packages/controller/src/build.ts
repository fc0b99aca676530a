/** Wires the controller's parts to the process shell. */

import { join } from 'node:path';
import { controllerContract, isLoopback } from '@segue/bus';
import type { ControllerConfig } from '@segue/core';
import { PinnedVersions, type Shell } from '@segue/service';
import { type Cluster, defaultTimings } from './cluster.js';
import { EvaluationBound } from './evaluation-bound.js';
import { Journal } from './journal.js';
import { controllerMetricTable } from './metrics.js';
import { pageData } from './page/data.js';
import { servePage } from './page/page.js';
import { Runs } from './runs.js';
import { controllerHandlers } from './service.js';
import { Watchdog } from './status.js';
import { Tokenizers } from './tokenizers.js';
import { Waits } from './waits.js';
import { watchRun } from './watch.js';

/** Between two looks of the watchdog, in ms. */
const watchdogMs = 1_000;

export async function buildController(shell: Shell<ControllerConfig>): Promise<void> {
  const { config, bus, log, peers, signal } = shell;
  const pinned = new PinnedVersions(() => shell.announce());
  shell.register(() => ({ pinned: pinned.byVersion }));
  const cluster: Cluster = {
    replay: () => peers.replay(),
    trainer: () => peers.trainer(),
    reward: () => peers.reward(),
    scorerList: () => peers.scorerList(),
    actor: (address) => peers.actor(address),
    bus,
    pinned,
    evaluations: new EvaluationBound(config.maxEvaluationResponses),
    log,
    timings: {
      ...defaultTimings,
      reconcileMs: config.reconcileIntervalMs,
      waitingNoticeMs: config.waitingNoticeMs,
    },
  };
  const journal = new Journal(cluster);
  const waits = new Waits();
  const metrics = shell.metrics.define(controllerMetricTable);
  const tokenizers = new Tokenizers(cluster, join(config.dataFolder, 'controller', 'tokenizers'));
  const { maxMessageBytes } = config;
  const runs = new Runs({ cluster, journal, waits, metrics, tokenizers, maxMessageBytes, signal });
  const watchdog = new Watchdog({ cluster, runs, waits, journal, metrics });
  const { maxBatchProblems, maxConcurrentSubmissions, maxWaitingSubmissions } = config;
  const tracedShare = config.tracing.share;
  const limits = { maxBatchProblems, maxConcurrentSubmissions, maxWaitingSubmissions, tracedShare };

  shell.serve(
    controllerContract,
    controllerHandlers({
      cluster,
      runs,
      journal,
      waits,
      watchdog,
      tokenizers,
      metrics,
      limits,
    }),
  );
  if (config.page ?? isLoopback(config.metricsHost)) {
    const watch = (runId: string, afterSequence: number, signal: AbortSignal) =>
      watchRun(cluster, journal, { runId, fromStart: true, afterSequence }, signal);
    const data = pageData(cluster, runs, tokenizers);
    const onlyLocal = config.page === 'local' || isLoopback(config.metricsHost);
    shell.servePages(servePage({ data, status: () => watchdog.status(''), onlyLocal, watch }));
  }
  shell.loop('watchdog', watchdogMs, () => watchdog.look());
  shell.loop('recover', config.reconcileIntervalMs, () => runs.recover());
  shell.onStop('runs', () => runs.settled());
}
