// Original file: protos/segue/v1/actor.proto

import type { EndReason as _segue_v1_EndReason, EndReason__Output as _segue_v1_EndReason__Output } from '../../segue/v1/EndReason.js';

export interface GenerateResponse {
  'id'?: (string);
  'tokensLe'?: (Buffer | Uint8Array | string);
  'logProbsLe'?: (Buffer | Uint8Array | string);
  'endReason'?: (_segue_v1_EndReason);
  'policyVersion'?: (number);
  /**
   * The new tokens as text, special tokens left out.
   */
  'text'?: (string);
}

export interface GenerateResponse__Output {
  'id': (string);
  'tokensLe': (Buffer);
  'logProbsLe': (Buffer);
  'endReason': (_segue_v1_EndReason__Output);
  'policyVersion': (number);
  /**
   * The new tokens as text, special tokens left out.
   */
  'text': (string);
}
