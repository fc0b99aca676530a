/** The actor's process, with an engine that hangs once. */
import { buildActor } from '@segue/actor';
import { actorConfigSchema } from '@segue/core';
import { runService } from '@segue/service';

const engineEntry = new URL('./stuck-engine-thread.mjs', import.meta.url);
await runService({ name: 'actor', schema: actorConfigSchema, build: (shell) => buildActor(shell, engineEntry) });
