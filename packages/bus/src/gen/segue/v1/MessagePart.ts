// Original file: protos/segue/v1/common.proto


/**
 * One piece of a message. Exactly one of the two is set.
 */
export interface MessagePart {
  'text'?: (string);
  /**
   * Address of an image. No engine reads images yet: a problem with one is refused with INVALID_ARGUMENT.
   */
  'imageUrl'?: (string);
  'part'?: "text"|"imageUrl";
}

/**
 * One piece of a message. Exactly one of the two is set.
 */
export interface MessagePart__Output {
  'text'?: (string);
  /**
   * Address of an image. No engine reads images yet: a problem with one is refused with INVALID_ARGUMENT.
   */
  'imageUrl'?: (string);
  'part'?: "text"|"imageUrl";
}
