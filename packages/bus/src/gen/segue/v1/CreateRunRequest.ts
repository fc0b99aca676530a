// Original file: protos/segue/v1/controller.proto


export interface CreateRunRequest {
  /**
   * [a-z0-9-]. Empty is refused.
   */
  'runId'?: (string);
  /**
   * The run configuration (packages/core/src/config.ts) as JSON. Unknown keys are refused by name.
   */
  'configJson'?: (string);
}

export interface CreateRunRequest__Output {
  /**
   * [a-z0-9-]. Empty is refused.
   */
  'runId': (string);
  /**
   * The run configuration (packages/core/src/config.ts) as JSON. Unknown keys are refused by name.
   */
  'configJson': (string);
}
