/** The one way from a problem's prompt to the tokens that the policy reads. */
import type { Problem } from '@segue/core';
import type { Tokenizer } from './tokenizer.js';

/**
 * Encodes a prompt. Plain text gets the special tokens that the tokenizer puts around a text; chat messages go through
 * the chat template, which writes them itself, up to where the policy's answer begins.
 *
 * @throws SegueError FAILED_PRECONDITION for messages without a chat template, INVALID_INPUT for what cannot be encoded.
 */
export function encodePrompt(tokenizer: Tokenizer, prompt: Problem['prompt']): Int32Array {
  if (typeof prompt === 'string') return tokenizer.encode(prompt, { addSpecialTokens: true });
  return tokenizer.encode(tokenizer.renderChat(prompt, { addGenerationPrompt: true }));
}
