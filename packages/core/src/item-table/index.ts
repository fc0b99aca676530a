/** Tables of items: selectors, limiter, rules. */
export {
  ItemTable,
  type NewItem,
  noTableCounts,
  type RemovalReason,
  removalReasons,
  requirePriority,
  type TableCounters,
  type TableDraw,
  type TableItem,
} from './item-table.js';
export {
  insertBlocker,
  type LimiterKind,
  limiterKinds,
  type RateLimiterRules,
  sampleBlocker,
  type TableLevel,
} from './rate-limiter.js';
export { type ItemSelectorKind, itemSelectorKinds } from './selectors.js';
export { SumTree } from './sum-tree.js';
export { type TableRules, tableRulesSchema, tablesSchema, trainingTableName } from './table-rules.js';
