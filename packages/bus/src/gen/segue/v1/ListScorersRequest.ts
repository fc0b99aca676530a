// Original file: /work/main/protos/segue/v1/reward.proto


export interface ListScorersRequest {
}

export interface ListScorersRequest__Output {
}
