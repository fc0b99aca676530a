/**
 * Example 4: a scorer of your own. This process serves it, the cluster's reward service calls it; it may die and come back. Reward in parts: the nearer a sum, the
 * more. With a cluster that asks for credentials the token needs the scope `score` (beside what creating runs needs): who scores decides what is learned.
 */
import { connect, serveScorers } from '@segue/client';
import { config, controllerAddress, sums } from './sums.js';

const closeness = {
  name: 'closeness',
  description: 'One for the right sum, less the farther away, nothing from a distance of ten.',
  score({ response, answer }: { response: string; answer: string }) {
    const given = /#(\d+)/.exec(response)?.[1];
    if (given === undefined) return { reward: 0, detail: 'no number after #' };
    const distance = Math.abs(Number(given) - Number(answer));
    return { reward: Math.max(0, 1 - distance / 10), detail: `off by ${distance}` };
  },
};

const client = connect(controllerAddress());
const server = await serveScorers(client, [closeness], {
  instance: 'closeness-1',
  onTrouble: (error) => console.error(`not registered anew: ${error.message}`),
});
try {
  await client.createRun('close-sums', { ...config, iterations: 1 });
  await client.submitProblems('close-sums', 'sums-1', sums('closeness'));
  await client.resumeRun('close-sums');
  await client.waitForRun('close-sums');
  const rewards = new Map<string, number>();
  for await (const { summary } of client.trajectories('close-sums')) {
    if (summary.reward === null) continue;
    const reward = summary.reward.toFixed(1);
    rewards.set(reward, (rewards.get(reward) ?? 0) + 1);
  }
  for (const [reward, count] of [...rewards].sort()) console.log(`reward ${reward}: ${count} responses`);
} finally {
  await server.close();
  client.close();
}
