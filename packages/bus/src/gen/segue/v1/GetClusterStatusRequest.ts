// Original file: protos/segue/v1/controller.proto


export interface GetClusterStatusRequest {
  /**
   * Empty: the newest run.
   */
  'runId'?: (string);
}

export interface GetClusterStatusRequest__Output {
  /**
   * Empty: the newest run.
   */
  'runId': (string);
}
