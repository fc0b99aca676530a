/** What the RPCs of the replay tables may carry, there and back, edge values included. */
import type { TablesApi } from '@segue/core';
import type { Samples } from './rpc-samples.js';
import { group, trajectory } from './samples.js';

const ofTable = { runId: 'r', table: 'recent' };
const item = { key: 'k', ref: 'r-g0-t0', priority: 0.5, timesSampled: 2, sequence: 2 ** 40, touched: 7 };
const calls = { waits: 3, blockedMs: 12.5, timeouts: 1, waiting: 2 };

export const tablesSamples: Samples<TablesApi> = {
  listTables: { requests: [{}], responses: [{ tables: [] }, { tables: [{ table: 'training', rulesJson: '' }] }] },
  insertItems: {
    requests: [{ ...ofTable, items: [{ key: '', ref: 'r-g0', priority: 0 }], waitMs: 0 }],
    responses: [{ accepted: 1, repeated: 1, waitedFor: '' }],
  },
  sampleItems: {
    requests: [{ ...ofTable, count: 3, waitMs: 100, withData: true }],
    responses: [
      { item, probability: 0.25, tableSize: 4, removed: false, trajectory: null, group: null },
      { item, probability: 1, tableSize: 1, removed: true, trajectory, group: null },
      {
        item,
        probability: 1,
        tableSize: 1,
        removed: true,
        trajectory: null,
        group: { group, trajectories: [trajectory] },
      },
    ],
  },
  updatePriorities: {
    requests: [{ ...ofTable, updates: [{ key: 'k', priority: 1e-300 }] }],
    responses: [{ updated: 0, missing: ['k'] }],
  },
  removeItems: { requests: [{ ...ofTable, keys: ['k'] }], responses: [{ removed: 1 }] },
  getTableStatistics: {
    requests: [ofTable],
    responses: [
      {
        table: 'recent',
        size: 4,
        inserts: 2 ** 40,
        samples: 9,
        priorityUpdates: 1,
        removedByReason: { 'max-size': 1, 'max-times-sampled': 2, request: 3, consumed: 4, filtered: 5 },
        insertCalls: calls,
        sampleCalls: calls,
      },
    ],
  },
};
