/** The typed client of a Segue cluster. */
export type { ClientCredentials } from './credentials.js';
export type { ExportOptions } from './export-policy.js';
export type { GenerateOptions } from './generate.js';
export { connect, SegueClient } from './segue-client.js';
export {
  type Judgement,
  type OwnScorer,
  type ScorerServerHandle,
  type ServeScorersOptions,
  serveScorers,
} from './serve-scorers.js';
export { connectStore, type StoreClient } from './store-client.js';
export type { Problems, SubmitOptions } from './submit.js';
export {
  connectTables,
  type NewTableItem,
  type SampleOptions,
  TableClient,
  TablesClient,
  type WaitForTable,
} from './table-client.js';
export type { WatchOptions } from './watch.js';
