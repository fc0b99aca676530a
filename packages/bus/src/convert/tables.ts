/** Converters of tables.proto: items, draws, and the counts of a table. */
import {
  type CallStatistics,
  type CompleteGroup,
  type InsertResult,
  type ItemInput,
  removalReasons,
  type SampledItem,
  type TableDescription,
  type TableItem,
  type TableStatistics,
  type Trajectory,
} from '@segue/core';
import type { CallStatistics__Output } from '../gen/segue/v1/CallStatistics.js';
import type { InsertItemsResponse__Output } from '../gen/segue/v1/InsertItemsResponse.js';
import type { ItemInput__Output } from '../gen/segue/v1/ItemInput.js';
import type { PriorityUpdate__Output } from '../gen/segue/v1/PriorityUpdate.js';
import type { SampledItem__Output } from '../gen/segue/v1/SampledItem.js';
import type { TableDescription__Output } from '../gen/segue/v1/TableDescription.js';
import type { TableItem__Output } from '../gen/segue/v1/TableItem.js';
import type { TableStatistics__Output } from '../gen/segue/v1/TableStatistics.js';
import { trajectoryConverter } from './common.js';
import { count, countsOf, fields, flag, listOf, nested, optional, real, text, uint } from './converter.js';
import { completeGroupConverter } from './replay.js';

export const tableDescriptionConverter = fields<TableDescription, TableDescription__Output>({
  table: text,
  rulesJson: text,
});

export const itemInputConverter = fields<ItemInput, ItemInput__Output>({ key: text, ref: text, priority: real });

export const insertResultConverter = fields<InsertResult, InsertItemsResponse__Output>({
  accepted: uint,
  repeated: uint,
  waitedFor: text,
});

const itemConverter = fields<TableItem, TableItem__Output>({
  key: text,
  ref: text,
  priority: real,
  timesSampled: uint,
  sequence: count,
  touched: count,
});

export const sampledItemConverter = fields<SampledItem, SampledItem__Output>({
  item: nested(itemConverter),
  probability: real,
  tableSize: uint,
  removed: flag,
  trajectory: optional(nested<Trajectory>(trajectoryConverter)),
  group: optional(nested<CompleteGroup>(completeGroupConverter)),
});

export const priorityUpdatesField = listOf(
  fields<{ key: string; priority: number }, PriorityUpdate__Output>({ key: text, priority: real }),
);

const callStatisticsConverter = fields<CallStatistics, CallStatistics__Output>({
  waits: count,
  blockedMs: real,
  timeouts: count,
  waiting: uint,
});

const everyReason = [...removalReasons, 'consumed', 'filtered'] as const;

export const tableStatisticsConverter = fields<TableStatistics, TableStatistics__Output>({
  table: text,
  size: uint,
  inserts: count,
  samples: count,
  priorityUpdates: count,
  removedByReason: { toWire: (counts) => counts, fromWire: (counts) => countsOf(everyReason, counts) },
  insertCalls: nested(callStatisticsConverter),
  sampleCalls: nested(callStatisticsConverter),
});
