// Original file: /work/main/protos/segue/v1/replay.proto


export interface ListRunRecordsRequest {
}

export interface ListRunRecordsRequest__Output {
}
