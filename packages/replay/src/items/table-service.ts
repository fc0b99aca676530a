/** The gRPC face of the tables: every call of segue.v1.ReplayTables, as protos/segue/v1/tables.proto describes it. */
import type { CallContext, Handlers } from '@segue/bus';
import type { TablesApi } from '@segue/core';
import type { ItemTables } from './item-tables.js';
import type { WaitOptions } from './waiting-calls.js';

/** An answer needs this long to reach a caller before the call's deadline, in ms. */
const answerMs = 100;

export function tableHandlers(items: ItemTables): Handlers<TablesApi> {
  return {
    listTables: async () => ({ tables: items.list() }),
    insertItems: ({ items: added, waitMs, ...ref }, context) => items.insert(ref, added, waitOf(waitMs, context)),
    async *sampleItems({ count, waitMs, withData, ...ref }, context) {
      // Read one by one as they are sent.
      for (const draw of await items.sample(ref, count, waitOf(waitMs, context))) yield items.describe(draw, withData);
    },
    updatePriorities: ({ updates, ...ref }) => items.updatePriorities(ref, updates),
    removeItems: ({ keys, ...ref }) => items.removeItems(ref, keys),
    getTableStatistics: async (ref) => items.statistics(ref),
  };
}

/** A wait that ends before the call does, so that the caller hears what was waited for. */
function waitOf(waitMs: number, { deadlineMs, signal }: CallContext): WaitOptions {
  return { waitMs: deadlineMs === null ? waitMs : Math.max(0, Math.min(waitMs, deadlineMs - answerMs)), signal };
}
