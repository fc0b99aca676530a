/** A problem's prompt as plain text, for those that read it as people do: scorers and views. The policy reads tokens. */
import type { Problem } from './domain.js';

/** Chat turns one below the other; the text parts of a turn in one piece. */
export function promptText(prompt: Problem['prompt']): string {
  if (typeof prompt === 'string') return prompt;
  return prompt.map((turn) => turn.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')).join('\n');
}
