/** The trainer. Other packages start it as a process; this is what its own tests and its shell use. */
export { buildTrainer } from './build.js';
export { PolicyStore, type StoredPolicy } from './policy-store.js';
export { Trainer, type TrainerOptions } from './trainer.js';
