// Original file: protos/segue/v1/actor.proto


export interface GetActorStatusRequest {
}

export interface GetActorStatusRequest__Output {
}
