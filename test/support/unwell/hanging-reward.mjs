/** The scorer's process, with one change: the verdict on the trajectory in `HANGING_TRAJECTORY` never comes. */
import { rewardConfigSchema } from '@segue/core';
import { buildReward, builtInScorers, scorerTable } from '@segue/reward';
import { runService } from '@segue/service';

const exact = builtInScorers.get('exact');
const hanging = {
  ...exact,
  score: (request, signal) =>
    request.id === process.env.HANGING_TRAJECTORY ? new Promise(() => undefined) : exact.score(request, signal),
};
const scorers = scorerTable(
  builtInScorers.names().map((name) => (name === 'exact' ? hanging : builtInScorers.get(name))),
);
await runService({ name: 'reward', schema: rewardConfigSchema, build: (shell) => buildReward(shell, scorers) });
