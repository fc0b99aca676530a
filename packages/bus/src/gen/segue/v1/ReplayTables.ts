// Original file: protos/segue/v1/tables.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetTableStatisticsRequest as _segue_v1_GetTableStatisticsRequest, GetTableStatisticsRequest__Output as _segue_v1_GetTableStatisticsRequest__Output } from '../../segue/v1/GetTableStatisticsRequest.js';
import type { InsertItemsRequest as _segue_v1_InsertItemsRequest, InsertItemsRequest__Output as _segue_v1_InsertItemsRequest__Output } from '../../segue/v1/InsertItemsRequest.js';
import type { InsertItemsResponse as _segue_v1_InsertItemsResponse, InsertItemsResponse__Output as _segue_v1_InsertItemsResponse__Output } from '../../segue/v1/InsertItemsResponse.js';
import type { ListTablesRequest as _segue_v1_ListTablesRequest, ListTablesRequest__Output as _segue_v1_ListTablesRequest__Output } from '../../segue/v1/ListTablesRequest.js';
import type { ListTablesResponse as _segue_v1_ListTablesResponse, ListTablesResponse__Output as _segue_v1_ListTablesResponse__Output } from '../../segue/v1/ListTablesResponse.js';
import type { RemoveItemsRequest as _segue_v1_RemoveItemsRequest, RemoveItemsRequest__Output as _segue_v1_RemoveItemsRequest__Output } from '../../segue/v1/RemoveItemsRequest.js';
import type { RemoveItemsResponse as _segue_v1_RemoveItemsResponse, RemoveItemsResponse__Output as _segue_v1_RemoveItemsResponse__Output } from '../../segue/v1/RemoveItemsResponse.js';
import type { SampleItemsRequest as _segue_v1_SampleItemsRequest, SampleItemsRequest__Output as _segue_v1_SampleItemsRequest__Output } from '../../segue/v1/SampleItemsRequest.js';
import type { SampledItem as _segue_v1_SampledItem, SampledItem__Output as _segue_v1_SampledItem__Output } from '../../segue/v1/SampledItem.js';
import type { TableStatistics as _segue_v1_TableStatistics, TableStatistics__Output as _segue_v1_TableStatistics__Output } from '../../segue/v1/TableStatistics.js';
import type { UpdatePrioritiesRequest as _segue_v1_UpdatePrioritiesRequest, UpdatePrioritiesRequest__Output as _segue_v1_UpdatePrioritiesRequest__Output } from '../../segue/v1/UpdatePrioritiesRequest.js';
import type { UpdatePrioritiesResponse as _segue_v1_UpdatePrioritiesResponse, UpdatePrioritiesResponse__Output as _segue_v1_UpdatePrioritiesResponse__Output } from '../../segue/v1/UpdatePrioritiesResponse.js';

export interface ReplayTablesDefinition {
  GetTableStatistics: MethodDefinition<_segue_v1_GetTableStatisticsRequest, _segue_v1_TableStatistics, _segue_v1_GetTableStatisticsRequest__Output, _segue_v1_TableStatistics__Output>
  InsertItems: MethodDefinition<_segue_v1_InsertItemsRequest, _segue_v1_InsertItemsResponse, _segue_v1_InsertItemsRequest__Output, _segue_v1_InsertItemsResponse__Output>
  ListTables: MethodDefinition<_segue_v1_ListTablesRequest, _segue_v1_ListTablesResponse, _segue_v1_ListTablesRequest__Output, _segue_v1_ListTablesResponse__Output>
  RemoveItems: MethodDefinition<_segue_v1_RemoveItemsRequest, _segue_v1_RemoveItemsResponse, _segue_v1_RemoveItemsRequest__Output, _segue_v1_RemoveItemsResponse__Output>
  SampleItems: MethodDefinition<_segue_v1_SampleItemsRequest, _segue_v1_SampledItem, _segue_v1_SampleItemsRequest__Output, _segue_v1_SampledItem__Output>
  UpdatePriorities: MethodDefinition<_segue_v1_UpdatePrioritiesRequest, _segue_v1_UpdatePrioritiesResponse, _segue_v1_UpdatePrioritiesRequest__Output, _segue_v1_UpdatePrioritiesResponse__Output>
}
