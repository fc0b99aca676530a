// Original file: protos/segue/v1/tables.proto


export interface UpdatePrioritiesResponse {
  'updated'?: (number);
  'missing'?: (string)[];
}

export interface UpdatePrioritiesResponse__Output {
  'updated': (number);
  'missing': (string)[];
}
