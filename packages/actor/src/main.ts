/** The rollout actor's process. */
import { actorConfigSchema } from '@segue/core';
import { runService } from '@segue/service';

await runService({
  name: 'actor',
  schema: actorConfigSchema,
  // Imported once the configuration has been read: the engine's library is large.
  build: async (shell) => (await import('./build.js')).buildActor(shell),
});
