/** Tokenizers and chat templates. */
export { createCharacterTokenizer } from './character-tokenizer.js';
export { encodePrompt } from './encode-prompt.js';
export { loadTokenizer, saveTokenizer } from './load-tokenizer.js';
export { type PolicyPlace, RunTokenizers, type RunTokenizersOptions } from './run-tokenizers.js';
export type { DecodeOptions, EncodeOptions, RenderOptions, SpecialTokens, Tokenizer } from './tokenizer.js';
