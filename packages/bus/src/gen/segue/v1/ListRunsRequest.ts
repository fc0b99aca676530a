// Original file: protos/segue/v1/controller.proto


export interface ListRunsRequest {
}

export interface ListRunsRequest__Output {
}
