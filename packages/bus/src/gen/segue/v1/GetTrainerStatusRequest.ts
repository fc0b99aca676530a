// Original file: protos/segue/v1/trainer.proto


export interface GetTrainerStatusRequest {
}

export interface GetTrainerStatusRequest__Output {
}
