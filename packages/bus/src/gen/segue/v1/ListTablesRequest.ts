// Original file: protos/segue/v1/tables.proto


export interface ListTablesRequest {
}

export interface ListTablesRequest__Output {
}
