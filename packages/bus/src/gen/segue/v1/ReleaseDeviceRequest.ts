// Original file: protos/segue/v1/actor.proto


export interface ReleaseDeviceRequest {
}

export interface ReleaseDeviceRequest__Output {
}
