// Original file: protos/segue/v1/reward.proto


export interface ScorerInfo {
  'name'?: (string);
  'description'?: (string);
  /**
   * JSON schema of the metadata that it reads; empty when none.
   */
  'metadataSchemaJson'?: (string);
}

export interface ScorerInfo__Output {
  'name': (string);
  'description': (string);
  /**
   * JSON schema of the metadata that it reads; empty when none.
   */
  'metadataSchemaJson': (string);
}
