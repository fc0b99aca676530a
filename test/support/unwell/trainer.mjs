/** The trainer's process, with two changes: its engine hangs once, and it kills itself once between staging a version and its rename. */
import { trainerConfigSchema } from '@segue/core';
import { runService } from '@segue/service';
import { buildTrainer } from '@segue/trainer';
import { isFirst } from './once.mjs';

const seams = {
  engineEntry: new URL('./stuck-training-thread.mjs', import.meta.url),
  beforeReveal: async ({ version }) => {
    if (version === 2 && (await isFirst('STAGED_VERSION'))) process.kill(process.pid, 'SIGKILL');
  },
};
await runService({ name: 'trainer', schema: trainerConfigSchema, build: (shell) => buildTrainer(shell, seams) });
