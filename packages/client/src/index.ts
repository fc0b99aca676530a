/** The typed client of a Segue cluster. */
export type { ClientCredentials } from './credentials.js';
export { connect, SegueClient } from './segue-client.js';
export { connectStore, type StoreClient } from './store-client.js';
export {
  connectTables,
  type NewTableItem,
  type SampleOptions,
  TableClient,
  TablesClient,
  type WaitForTable,
} from './table-client.js';
export type { WatchOptions } from './watch.js';
