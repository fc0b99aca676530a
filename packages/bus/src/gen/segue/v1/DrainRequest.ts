// Original file: protos/segue/v1/actor.proto


export interface DrainRequest {
}

export interface DrainRequest__Output {
}
