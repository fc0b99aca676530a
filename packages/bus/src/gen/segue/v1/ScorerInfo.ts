// Original file: protos/segue/v1/reward.proto


export interface ScorerInfo {
  'name'?: (string);
  'description'?: (string);
  /**
   * JSON schema of the metadata that it reads; empty when none.
   */
  'metadataSchemaJson'?: (string);
  /**
   * Servers that were registered for it and are there now; 0 when it is known and nobody serves it. Absent for what is built in, and in the answer
   * of a scorer of one's own.
   */
  'servers'?: (number);
  '_servers'?: "servers";
}

export interface ScorerInfo__Output {
  'name': (string);
  'description': (string);
  /**
   * JSON schema of the metadata that it reads; empty when none.
   */
  'metadataSchemaJson': (string);
  /**
   * Servers that were registered for it and are there now; 0 when it is known and nobody serves it. Absent for what is built in, and in the answer
   * of a scorer of one's own.
   */
  'servers'?: (number);
  '_servers'?: "servers";
}
