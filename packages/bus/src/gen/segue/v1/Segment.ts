// Original file: protos/segue/v1/common.proto

import type { EndReason as _segue_v1_EndReason, EndReason__Output as _segue_v1_EndReason__Output } from '../../segue/v1/EndReason.js';

/**
 * What one actor generated for one trajectory in one iteration under one policy version.
 */
export interface Segment {
  /**
   * `<trajectory>-s<index>`.
   */
  'id'?: (string);
  'trajectoryId'?: (string);
  /**
   * Position in the trajectory, from 0.
   */
  'index'?: (number);
  /**
   * Which try of this index, from 0.
   */
  'attempt'?: (number);
  /**
   * From 0.
   */
  'iteration'?: (number);
  /**
   * 0 is the policy that the run starts with.
   */
  'policyVersion'?: (number);
  'actorId'?: (string);
  /**
   * Hash of the prompt and all earlier response tokens, 16 hex digits.
   */
  'prefixHash'?: (string);
  /**
   * int32, little-endian. Empty is allowed for ERROR alone.
   */
  'tokensLe'?: (Buffer | Uint8Array | string);
  /**
   * float32, little-endian, as many as tokens: log softmax at the sampling temperature over the whole vocabulary.
   */
  'logProbsLe'?: (Buffer | Uint8Array | string);
  /**
   * One byte per token: 0 policy, 1 tool, 2 template. Empty: all are the policy's.
   */
  'origins'?: (Buffer | Uint8Array | string);
  /**
   * One byte per token, 1 where it may enter the loss. Empty: everywhere.
   */
  'lossMask'?: (Buffer | Uint8Array | string);
  'endReason'?: (_segue_v1_EndReason);
  /**
   * Why, for ERROR alone.
   */
  'error'?: (string);
  /**
   * Prompt tokens that this segment prefilled itself; 0 when a sibling's were shared.
   */
  'meteredPromptTokens'?: (number);
  /**
   * Earlier response tokens prefilled again.
   */
  'meteredReprefillTokens'?: (number);
  /**
   * Unix time in milliseconds.
   */
  'startedAtMs'?: (number | string);
  'endedAtMs'?: (number | string);
  /**
   * For ERROR alone: tries that were lost with their actors or engines and that this error stands for. With any, it was the last try.
   */
  'lostTries'?: (number);
}

/**
 * What one actor generated for one trajectory in one iteration under one policy version.
 */
export interface Segment__Output {
  /**
   * `<trajectory>-s<index>`.
   */
  'id': (string);
  'trajectoryId': (string);
  /**
   * Position in the trajectory, from 0.
   */
  'index': (number);
  /**
   * Which try of this index, from 0.
   */
  'attempt': (number);
  /**
   * From 0.
   */
  'iteration': (number);
  /**
   * 0 is the policy that the run starts with.
   */
  'policyVersion': (number);
  'actorId': (string);
  /**
   * Hash of the prompt and all earlier response tokens, 16 hex digits.
   */
  'prefixHash': (string);
  /**
   * int32, little-endian. Empty is allowed for ERROR alone.
   */
  'tokensLe': (Buffer);
  /**
   * float32, little-endian, as many as tokens: log softmax at the sampling temperature over the whole vocabulary.
   */
  'logProbsLe': (Buffer);
  /**
   * One byte per token: 0 policy, 1 tool, 2 template. Empty: all are the policy's.
   */
  'origins': (Buffer);
  /**
   * One byte per token, 1 where it may enter the loss. Empty: everywhere.
   */
  'lossMask': (Buffer);
  'endReason': (_segue_v1_EndReason__Output);
  /**
   * Why, for ERROR alone.
   */
  'error': (string);
  /**
   * Prompt tokens that this segment prefilled itself; 0 when a sibling's were shared.
   */
  'meteredPromptTokens': (number);
  /**
   * Earlier response tokens prefilled again.
   */
  'meteredReprefillTokens': (number);
  /**
   * Unix time in milliseconds.
   */
  'startedAtMs': (number);
  'endedAtMs': (number);
  /**
   * For ERROR alone: tries that were lost with their actors or engines and that this error stands for. With any, it was the last try.
   */
  'lostTries': (number);
}
