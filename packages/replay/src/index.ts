/** The replay store: what tests and benches use of it. As a process it is main.ts. */
export { Announcer } from './announce.js';
export { type BuildOptions, buildReplay } from './build.js';
export { HandOver, type HandOverOptions } from './hand-over.js';
export { type IngestReport, ingest } from './ingest.js';
export type { Notice } from './progress.js';
export { replayHandlers } from './service.js';
export { type CommitListener, ReplayStore, type StoreOptions } from './store.js';
