/** The rollout actor. Other packages start it as a process; this is what its own tests and its shell use. */
export { Actor, type ActorShell } from './actor.js';
export { buildActor } from './build.js';
export { actorHandlers } from './service.js';
