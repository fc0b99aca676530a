/** An engine behind HTTP: inference servers of other people in the place of our own engine. */
export { type DialectName, dialectNames } from './dialect.js';
export { writeGguf } from './gguf.js';
export {
  type ForeignServer,
  llamaServerCommand,
  type OwnedServer,
  type RemoteEngineOptions,
} from './options.js';
export { RemoteEngine } from './remote-engine.js';
