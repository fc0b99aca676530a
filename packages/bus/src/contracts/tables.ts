/** segue.v1.ReplayTables: the RPCs with their converters, deadlines and retry rules. Meanings are in tables.proto. */
import type { TableRef, TablesApi } from '@segue/core';
import { emptyConverter, fields, flag, listOf, text, texts, uint } from '../convert/converter.js';
import {
  insertResultConverter,
  itemInputConverter,
  priorityUpdatesField,
  sampledItemConverter,
  tableDescriptionConverter,
  tableStatisticsConverter,
} from '../convert/tables.js';
import type { GetTableStatisticsRequest__Output } from '../gen/segue/v1/GetTableStatisticsRequest.js';
import type { InsertItemsRequest__Output } from '../gen/segue/v1/InsertItemsRequest.js';
import type { ListTablesResponse__Output } from '../gen/segue/v1/ListTablesResponse.js';
import type { RemoveItemsRequest__Output } from '../gen/segue/v1/RemoveItemsRequest.js';
import type { RemoveItemsResponse__Output } from '../gen/segue/v1/RemoveItemsResponse.js';
import type { SampleItemsRequest__Output } from '../gen/segue/v1/SampleItemsRequest.js';
import type { UpdatePrioritiesRequest__Output } from '../gen/segue/v1/UpdatePrioritiesRequest.js';
import type { UpdatePrioritiesResponse__Output } from '../gen/segue/v1/UpdatePrioritiesResponse.js';
import { type Contract, deadlines, serverStream, unary } from '../rpc/contract.js';

type Request<K extends keyof TablesApi> = TablesApi[K] extends { readonly request: infer R extends object } ? R : never;
type Response<K extends keyof TablesApi> = TablesApi[K] extends { readonly response: infer R extends object }
  ? R
  : never;

export const tablesContract: Contract<TablesApi> = {
  name: 'segue.v1.ReplayTables',
  methods: {
    listTables: unary(
      emptyConverter,
      fields<Response<'listTables'>, ListTablesResponse__Output>({ tables: listOf(tableDescriptionConverter) }),
    ),
    // What a lost answer let in may have been drawn and used up: a second try would let it in again.
    insertItems: unary(
      fields<Request<'insertItems'>, InsertItemsRequest__Output>({
        runId: text,
        table: text,
        items: listOf(itemInputConverter),
        waitMs: uint,
      }),
      insertResultConverter,
      { deadlineMs: deadlines.slowMs, retry: false },
    ),
    // What a lost answer held has been drawn: a second try would draw again.
    sampleItems: serverStream(
      fields<Request<'sampleItems'>, SampleItemsRequest__Output>({
        runId: text,
        table: text,
        count: uint,
        waitMs: uint,
        withData: flag,
      }),
      sampledItemConverter,
      { deadlineMs: deadlines.slowMs, retry: false },
    ),
    updatePriorities: unary(
      fields<Request<'updatePriorities'>, UpdatePrioritiesRequest__Output>({
        runId: text,
        table: text,
        updates: priorityUpdatesField,
      }),
      fields<Response<'updatePriorities'>, UpdatePrioritiesResponse__Output>({ updated: uint, missing: texts }),
    ),
    removeItems: unary(
      fields<Request<'removeItems'>, RemoveItemsRequest__Output>({ runId: text, table: text, keys: texts }),
      fields<Response<'removeItems'>, RemoveItemsResponse__Output>({ removed: uint }),
    ),
    getTableStatistics: unary(
      fields<TableRef, GetTableStatisticsRequest__Output>({ runId: text, table: text }),
      tableStatisticsConverter,
    ),
  },
};
