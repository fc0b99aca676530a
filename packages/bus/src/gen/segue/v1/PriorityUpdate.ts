// Original file: protos/segue/v1/tables.proto


export interface PriorityUpdate {
  'key'?: (string);
  'priority'?: (number | string);
}

export interface PriorityUpdate__Output {
  'key': (string);
  'priority': (number);
}
