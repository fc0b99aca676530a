/** Wires the scorers to the process shell: the reward queue and gRPC. */
import { join } from 'node:path';
import { rewardContract } from '@segue/bus';
import { type RewardConfig, type Score, SegueError } from '@segue/core';
import { type Shell, TrajectoryReader } from '@segue/service';
import { countVerdict, rewardMetricTable, showScorers } from './metrics.js';
import { Pool } from './pool.js';
import { Problems } from './problems.js';
import { builtInScorers, type Scorers } from './scorers/index.js';
import { rewardHandlers } from './service.js';
import { Tokenizers } from './tokenizers.js';
import { workOnRewards } from './work.js';

export async function buildReward(shell: Shell<RewardConfig>, scorers: Scorers = builtInScorers): Promise<void> {
  const { config, bus, peers, log } = shell;
  const metrics = shell.metrics.define(rewardMetricTable);
  showScorers(metrics, scorers);
  const onVerdict = (score: Score) => countVerdict(metrics, scorers, score);
  const rules = { timeoutMs: config.timeoutMs, maxAttempts: config.maxAttempts };
  const replay = () => peers.replay();
  const trajectories = new TrajectoryReader(replay, shell.signal);
  const problems = new Problems(replay);
  const tokenizers = new Tokenizers({
    bus,
    trainer: () => peers.trainer(),
    folder: join(config.dataFolder, 'reward', 'tokenizers'),
  });

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
  shell.keep('reward queue', (signal) =>
    workOnRewards(
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
        concurrency: config.concurrency,
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
    ),
  );
}
