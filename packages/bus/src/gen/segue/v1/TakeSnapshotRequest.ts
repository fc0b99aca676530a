// Original file: protos/segue/v1/keeping.proto


export interface TakeSnapshotRequest {
}

export interface TakeSnapshotRequest__Output {
}
