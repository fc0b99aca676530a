// Original file: protos/segue/v1/common.proto

import type { DeadLetterKind as _segue_v1_DeadLetterKind, DeadLetterKind__Output as _segue_v1_DeadLetterKind__Output } from '../../segue/v1/DeadLetterKind.js';

/**
 * What was given up, with the reason. Kept in the replay store until somebody requeues or drops it.
 */
export interface DeadLetter {
  /**
   * `<kind>-<trajectory>`, and `message-<hash>` for messages.
   */
  'id'?: (string);
  'kind'?: (_segue_v1_DeadLetterKind);
  /**
   * Empty for a message that names no run.
   */
  'runId'?: (string);
  /**
   * The trajectory's id; for a message, its subject on the bus.
   */
  'subject'?: (string);
  /**
   * Why, for people: the last error.
   */
  'reason'?: (string);
  /**
   * Tries after which it was given up; 0 for messages.
   */
  'tries'?: (number);
  'atMs'?: (number | string);
  /**
   * For messages: the body as it came, at most 64 KiB of it; left out in lists.
   */
  'body'?: (Buffer | Uint8Array | string);
  /**
   * For messages: length of the whole body.
   */
  'bodyBytes'?: (number);
  /**
   * For messages: the checksum that came with it, empty when none did.
   */
  'checksum'?: (string);
}

/**
 * What was given up, with the reason. Kept in the replay store until somebody requeues or drops it.
 */
export interface DeadLetter__Output {
  /**
   * `<kind>-<trajectory>`, and `message-<hash>` for messages.
   */
  'id': (string);
  'kind': (_segue_v1_DeadLetterKind__Output);
  /**
   * Empty for a message that names no run.
   */
  'runId': (string);
  /**
   * The trajectory's id; for a message, its subject on the bus.
   */
  'subject': (string);
  /**
   * Why, for people: the last error.
   */
  'reason': (string);
  /**
   * Tries after which it was given up; 0 for messages.
   */
  'tries': (number);
  'atMs': (number);
  /**
   * For messages: the body as it came, at most 64 KiB of it; left out in lists.
   */
  'body': (Buffer);
  /**
   * For messages: length of the whole body.
   */
  'bodyBytes': (number);
  /**
   * For messages: the checksum that came with it, empty when none did.
   */
  'checksum': (string);
}
