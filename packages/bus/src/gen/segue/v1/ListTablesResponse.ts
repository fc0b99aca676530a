// Original file: protos/segue/v1/tables.proto

import type { TableDescription as _segue_v1_TableDescription, TableDescription__Output as _segue_v1_TableDescription__Output } from '../../segue/v1/TableDescription.js';

export interface ListTablesResponse {
  'tables'?: (_segue_v1_TableDescription)[];
}

export interface ListTablesResponse__Output {
  'tables': (_segue_v1_TableDescription__Output)[];
}
