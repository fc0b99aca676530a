/** The trainer's process. */
import { trainerConfigSchema } from '@segue/core';
import { runService } from '@segue/service';

await runService({
  name: 'trainer',
  schema: trainerConfigSchema,
  // Imported once the configuration has been read: the engine's library is large.
  build: async (shell) => (await import('./build.js')).buildTrainer(shell),
});
