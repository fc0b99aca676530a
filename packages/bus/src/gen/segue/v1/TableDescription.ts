// Original file: protos/segue/v1/tables.proto


export interface TableDescription {
  'table'?: (string);
  /**
   * The rules with their defaults, as in the configuration; empty for `training`.
   */
  'rulesJson'?: (string);
}

export interface TableDescription__Output {
  'table': (string);
  /**
   * The rules with their defaults, as in the configuration; empty for `training`.
   */
  'rulesJson': (string);
}
