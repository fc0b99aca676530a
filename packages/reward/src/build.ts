/** Wires the scorers to the process shell: the reward queue, gRPC, and servers of somebody's own. */
import { join } from 'node:path';
import { connectReward, rewardContract, scorerListContract } from '@segue/bus';
import { type RewardConfig, type Score, SegueError } from '@segue/core';
import { type Shell, TrajectoryReader } from '@segue/service';
import { countVerdict, rewardMetricTable, showScorers } from './metrics.js';
import { KnownScorers } from './own/known-scorers.js';
import { scorerListHandlers } from './own/registration.js';
import { ScorerServers } from './own/scorer-servers.js';
import type { Nonsense } from './own/verdict.js';
import { Pool } from './pool.js';
import { Problems } from './problems.js';
import { builtInScorers, type Scorers } from './scorers/index.js';
import { rewardHandlers } from './service.js';
import { Tokenizers } from './tokenizers.js';
import { workOnRewards } from './work.js';

export async function buildReward(shell: Shell<RewardConfig>, builtIn: Scorers = builtInScorers): Promise<void> {
  const { config, bus, peers, log } = shell;
  const metrics = shell.metrics.define(rewardMetricTable);
  const rules = { timeoutMs: config.timeoutMs, maxAttempts: config.maxAttempts };
  const replay = () => peers.replay();
  const trajectories = new TrajectoryReader(replay, shell.signal);
  const problems = new Problems(replay);
  const tokenizers = new Tokenizers({
    bus,
    trainer: () => peers.trainer(),
    folder: join(config.dataFolder, 'reward', 'tokenizers'),
  });

  const open = (instance: string, address: string) =>
    connectReward(address, { tls: shell.tls, scorer: instance, maxMessageBytes: config.maxMessageBytes });
  const servers = new ScorerServers(open);
  const onNonsense = (what: Nonsense) => metrics.own_scorer_refusals_total.inc({ what });
  const scorers = new KnownScorers(builtIn, { servers, onNonsense });
  showScorers(metrics, builtIn);
  const onVerdict = (score: Score) => countVerdict(metrics, scorers, score);
  shell.onStop('scorer servers', async () => servers.close());
  let endFirstLook = () => {};
  const firstLook = new Promise<void>((resolve) => {
    endFirstLook = resolve;
  });
  shell.signal.addEventListener('abort', () => endFirstLook(), { once: true });
  shell.keep('scorer servers', async (signal) => {
    for (const entry of await bus.scorers()) servers.hear(entry);
    endFirstLook();
    for await (const entry of bus.watchScorers({ signal })) servers.hear(entry);
  });
  shell.loop('scorer servers counted', 1_000, async () => {
    servers.forgetSilent();
    const counts = [...servers.scorers.keys()].map((name) => servers.present(name).length);
    metrics.own_scorer_servers.set(counts.reduce((sum, count) => sum + count, 0));
  });
  const addressRule = { tls: shell.tls !== undefined, insecure: config.insecure };
  shell.serve(
    scorerListContract,
    scorerListHandlers({
      bus,
      servers,
      builtIn: { has: (name) => builtIn.get(name) !== undefined },
      open: ({ instance, address }) => open(instance, address),
      addressRule,
      onNonsense,
    }),
  );

  shell.serve(rewardContract, rewardHandlers({ scorers, pool: new Pool(config.concurrency), rules, onVerdict }));
  // Thousands of problems take a while to come: they are here before the first response of a run is. Every run that ever was is announced.
  const readAhead = async (runId: string) => {
    const { state } = await (await replay()).getRun({ runId });
    if (state === 'running') await Promise.all([problems.prepare(runId), tokenizers.get(runId)]);
  };
  shell.keep('runs ahead', async (signal) => {
    for await (const { runId } of bus.watchActivePolicies({ signal })) {
      readAhead(runId).catch((error: unknown) =>
        log.debug({ run: runId, error: SegueError.from(error).message }, 'nothing was read ahead'),
      );
    }
  });
  shell.keep('reward queue', async (signal) => {
    // What has registered before this process began is known before the first response.
    await firstLook;
    await workOnRewards(
      {
        bus,
        replay: async () => {
          await replay();
          return trajectories;
        },
        problems,
        tokenizers,
        scorers,
        rules,
        patienceMs: config.scorerPatienceMs,
        pool: new Pool(config.concurrency),
        onVerdict,
        onInHand: (tasks) => metrics.in_hand.set(tasks),
        onTask: (outcome, durationMs, why) => {
          metrics.tasks_total.inc({ outcome });
          metrics.task_seconds.observe(durationMs / 1000);
          if (outcome === 'ok' || outcome === 'wrong' || outcome === 'not-needed') return;
          log.warn({ outcome }, `reward task ${outcome}: ${why}`);
        },
      },
      signal,
    );
  });
}
