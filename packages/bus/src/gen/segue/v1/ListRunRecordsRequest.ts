// Original file: protos/segue/v1/replay.proto


export interface ListRunRecordsRequest {
}

export interface ListRunRecordsRequest__Output {
}
