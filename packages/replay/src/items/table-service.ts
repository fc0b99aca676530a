/** The gRPC face of the tables: every call of segue.v1.ReplayTables, as protos/segue/v1/tables.proto describes it. */
import type { CallContext, Handlers } from '@segue/bus';
import type { TablesApi } from '@segue/core';
import type { Keeper } from '../keeper.js';
import type { ItemTables } from './item-tables.js';
import type { WaitOptions } from './waiting-calls.js';

/** An answer needs this long to reach a caller before the call's deadline, in ms. */
const answerMs = 100;
/** A timer that is longer ends at once. */
const maxWaitMs = 2 ** 31 - 1;

export function tableHandlers(items: ItemTables, keeper: Keeper): Handlers<TablesApi> {
  return {
    listTables: async () => ({ tables: items.list() }),
    insertItems: ({ items: added, waitMs, ...ref }, context) =>
      keeper.during(() => items.insert(ref, added, waitOf(waitMs, context))),
    async *sampleItems({ count, waitMs, withData, ...ref }, context) {
      const draws = await keeper.during(() => items.sample(ref, count, waitOf(waitMs, context)));
      // Read one by one as they are sent, without a promise for each.
      try {
        for (const draw of draws) yield items.describe(draw, withData);
      } catch (error) {
        throw await keeper.afterDamage(error);
      }
    },
    updatePriorities: ({ updates, ...ref }) => keeper.during(() => items.updatePriorities(ref, updates)),
    removeItems: ({ keys, ...ref }) => keeper.during(() => items.removeItems(ref, keys)),
    getTableStatistics: (ref) => keeper.during(() => items.statistics(ref)),
  };
}

/** A wait that ends before the call does, so that the caller hears what was waited for. */
function waitOf(waitMs: number, { deadlineMs, signal }: CallContext): WaitOptions {
  const bound = Math.min(waitMs, maxWaitMs);
  return { waitMs: deadlineMs === null ? bound : Math.max(0, Math.min(bound, deadlineMs - answerMs)), signal };
}
