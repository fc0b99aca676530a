/**
 * The smallest service on the shell: a reward scorer that judges nothing. It says in its log what it starts and stops, and with
 * `TINY_STUCK` set to some ms it has a step that never ends and may take so long. It knows nothing of rewards.
 */
import { rewardContract } from '@segue/bus';
import { rewardConfigSchema, SegueError } from '@segue/core';
import { runService } from '@segue/service';

async function build(shell) {
  const { log } = shell;
  shell.serve(rewardContract, {
    scoreBatch: async () => {
      throw new SegueError('FAILED_PRECONDITION', 'judges nothing');
    },
    listScorers: async () => ({
      scorers: [{ name: 'none', description: 'judges nothing', metadataSchemaJson: '', servers: null }],
    }),
  });
  shell.register(() => ({ slots: 3 }));
  shell.loop('flaky', 50, async () => {
    throw new SegueError('UNAVAILABLE', 'not today');
  });
  for (const part of ['first', 'second']) {
    shell.onStart(part, async () => log.info({ step: `start ${part}` }, 'step'));
    shell.onStop(part, async () => log.info({ step: `stop ${part}`, aborted: shell.signal.aborted }, 'step'));
  }
  if (process.env.TINY_STUCK) shell.onStop('stuck', () => new Promise(() => {}), Number(process.env.TINY_STUCK));
}

await runService({ name: 'reward', schema: rewardConfigSchema, build });
