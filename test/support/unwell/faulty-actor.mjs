/** The actor's process, with an engine that one trajectory kills, and in one of them a clock that jumps. */
import './skewed-clock.mjs';
import { buildActor } from '@segue/actor';
import { actorConfigSchema } from '@segue/core';
import { runService } from '@segue/service';

const engineEntry = new URL('./faulty-engine-thread.mjs', import.meta.url);
await runService({ name: 'actor', schema: actorConfigSchema, build: (shell) => buildActor(shell, engineEntry) });
