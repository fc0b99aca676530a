// Original file: protos/segue/v1/common.proto


/**
 * Where a policy version can be had.
 */
export interface PolicyRef {
  'runId'?: (string);
  /**
   * 0 is the policy that the run starts with.
   */
  'version'?: (number);
  /**
   * sha256 of the version's manifest, hex. Empty: not checked.
   */
  'manifestSha256'?: (string);
}

/**
 * Where a policy version can be had.
 */
export interface PolicyRef__Output {
  'runId': (string);
  /**
   * 0 is the policy that the run starts with.
   */
  'version': (number);
  /**
   * sha256 of the version's manifest, hex. Empty: not checked.
   */
  'manifestSha256': (string);
}
