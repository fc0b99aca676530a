// Original file: protos/segue/v1/common.proto

import type { ProblemPurpose as _segue_v1_ProblemPurpose, ProblemPurpose__Output as _segue_v1_ProblemPurpose__Output } from '../../segue/v1/ProblemPurpose.js';
import type { ChatMessage as _segue_v1_ChatMessage, ChatMessage__Output as _segue_v1_ChatMessage__Output } from '../../segue/v1/ChatMessage.js';

/**
 * A prompt with its reference answer and the scorer that judges responses to it.
 */
export interface Problem {
  /**
   * [a-z0-9-], unique in the run. Empty: the controller makes one from the batch id and the position in the batch.
   */
  'id'?: (string);
  'purpose'?: (_segue_v1_ProblemPurpose);
  /**
   * Plain text. Used when `messages` is empty; both empty is refused.
   */
  'prompt'?: (string);
  /**
   * Chat turns, rendered with the policy's chat template.
   */
  'messages'?: (_segue_v1_ChatMessage)[];
  /**
   * Reference answer. Empty is refused for every scorer that compares with it.
   */
  'answer'?: (string);
  /**
   * Name of a scorer, as ListScorers gives it. Empty is refused.
   */
  'scorer'?: (string);
  'tags'?: (string)[];
  /**
   * 0 is easiest; absent: unknown, treated as the middle of the known ones by the curriculum.
   */
  'difficulty'?: (number | string);
  /**
   * JSON object that the scorer may read. Empty means {}.
   */
  'metadataJson'?: (string);
  /**
   * Verified response, for WARMUP alone.
   */
  'response'?: (string);
  /**
   * The prompt as the policy reads it: int32, little-endian. Set by the controller; ignored in submissions.
   */
  'promptTokensLe'?: (Buffer | Uint8Array | string);
  /**
   * W3C traceparent of the submission, where the problem is traced. Set by the controller; ignored in submissions.
   */
  'traceParent'?: (string);
  '_difficulty'?: "difficulty";
}

/**
 * A prompt with its reference answer and the scorer that judges responses to it.
 */
export interface Problem__Output {
  /**
   * [a-z0-9-], unique in the run. Empty: the controller makes one from the batch id and the position in the batch.
   */
  'id': (string);
  'purpose': (_segue_v1_ProblemPurpose__Output);
  /**
   * Plain text. Used when `messages` is empty; both empty is refused.
   */
  'prompt': (string);
  /**
   * Chat turns, rendered with the policy's chat template.
   */
  'messages': (_segue_v1_ChatMessage__Output)[];
  /**
   * Reference answer. Empty is refused for every scorer that compares with it.
   */
  'answer': (string);
  /**
   * Name of a scorer, as ListScorers gives it. Empty is refused.
   */
  'scorer': (string);
  'tags': (string)[];
  /**
   * 0 is easiest; absent: unknown, treated as the middle of the known ones by the curriculum.
   */
  'difficulty'?: (number);
  /**
   * JSON object that the scorer may read. Empty means {}.
   */
  'metadataJson': (string);
  /**
   * Verified response, for WARMUP alone.
   */
  'response': (string);
  /**
   * The prompt as the policy reads it: int32, little-endian. Set by the controller; ignored in submissions.
   */
  'promptTokensLe': (Buffer);
  /**
   * W3C traceparent of the submission, where the problem is traced. Set by the controller; ignored in submissions.
   */
  'traceParent': (string);
  '_difficulty'?: "difficulty";
}
