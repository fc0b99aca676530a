// Original file: protos/segue/v1/actor.proto


export interface GeneratePrompt {
  /**
   * Unique in the request; comes back in the answer.
   */
  'id'?: (string);
  /**
   * int32, little-endian; used when set, else `text`.
   */
  'tokensLe'?: (Buffer | Uint8Array | string);
  'text'?: (string);
  /**
   * Response tokens that are there already, to go on from: int32, little-endian.
   */
  'responseTokensLe'?: (Buffer | Uint8Array | string);
}

export interface GeneratePrompt__Output {
  /**
   * Unique in the request; comes back in the answer.
   */
  'id': (string);
  /**
   * int32, little-endian; used when set, else `text`.
   */
  'tokensLe': (Buffer);
  'text': (string);
  /**
   * Response tokens that are there already, to go on from: int32, little-endian.
   */
  'responseTokensLe': (Buffer);
}
