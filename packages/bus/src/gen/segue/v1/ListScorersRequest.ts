// Original file: protos/segue/v1/reward.proto


export interface ListScorersRequest {
}

export interface ListScorersRequest__Output {
}
