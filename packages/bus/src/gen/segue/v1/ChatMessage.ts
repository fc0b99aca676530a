// Original file: protos/segue/v1/common.proto

import type { MessagePart as _segue_v1_MessagePart, MessagePart__Output as _segue_v1_MessagePart__Output } from '../../segue/v1/MessagePart.js';

/**
 * One turn of a chat.
 */
export interface ChatMessage {
  /**
   * "system", "user" or "assistant"; empty is refused.
   */
  'role'?: (string);
  'parts'?: (_segue_v1_MessagePart)[];
}

/**
 * One turn of a chat.
 */
export interface ChatMessage__Output {
  /**
   * "system", "user" or "assistant"; empty is refused.
   */
  'role': (string);
  'parts': (_segue_v1_MessagePart__Output)[];
}
