// Original file: protos/segue/v1/common.proto


/**
 * Names one dead letter.
 */
export interface DeadLetterRequest {
  'id'?: (string);
}

/**
 * Names one dead letter.
 */
export interface DeadLetterRequest__Output {
  'id': (string);
}
