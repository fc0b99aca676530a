// Original file: /work/main/protos/segue/v1/actor.proto


export interface DrainRequest {
}

export interface DrainRequest__Output {
}
