/**
 * The scorer's process, with two changes: every verdict takes `SLOW_VERDICT_MS`, and the first one on the trajectory in `LATE_VERDICT_OF`, of all lives of the
 * process, comes too late.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { rewardConfigSchema } from '@segue/core';
import { buildReward, builtInScorers, scorerTable } from '@segue/reward';
import { runService } from '@segue/service';
import { isFirst } from './once.mjs';

const exact = builtInScorers.get('exact');
const slow = {
  ...exact,
  score: async (request, signal) => {
    await pause(Number(process.env.SLOW_VERDICT_MS));
    if (request.id === process.env.LATE_VERDICT_OF && (await isFirst('LATE_VERDICT')))
      await new Promise(() => undefined);
    return exact.score(request, signal);
  },
};
const scorers = scorerTable(builtInScorers.names().map((name) => (name === 'exact' ? slow : builtInScorers.get(name))));
await runService({ name: 'reward', schema: rewardConfigSchema, build: (shell) => buildReward(shell, scorers) });
