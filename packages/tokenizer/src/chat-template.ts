/**
 * A chat template: the Jinja text that turns chat messages into the one text that a policy was trained to read.
 * It makes text, not tokens, and knows nothing of vocabularies.
 */
import { Template } from '@huggingface/jinja';
import { type Message, SegueError } from '@segue/core';

export interface TemplateContext {
  readonly addGenerationPrompt: boolean;
  /** Special tokens by the name that templates use: `bos_token`, `eos_token`, ... */
  readonly tokens: Readonly<Record<string, string>>;
}

export interface ChatTemplate {
  /** @throws SegueError INVALID_INPUT when the template refuses the messages, or a part is not text. */
  render(messages: readonly Message[], context: TemplateContext): string;
}

/** @throws SegueError INVALID_INPUT when the text is not Jinja. */
export function parseChatTemplate(source: string): ChatTemplate {
  const template = parse(source);
  return {
    render(messages, { addGenerationPrompt, tokens }) {
      const plain = messages.map((message, index) => ({ role: message.role, content: textOf(message, index) }));
      try {
        return template.render({ ...tokens, messages: plain, add_generation_prompt: addGenerationPrompt });
      } catch (error) {
        throw new SegueError('INVALID_INPUT', `the chat template refuses the messages: ${reasonOf(error)}`, error);
      }
    },
  };
}

function parse(source: string): Template {
  try {
    return new Template(source);
  } catch (error) {
    throw new SegueError('INVALID_INPUT', `the chat template cannot be read: ${reasonOf(error)}`, error);
  }
}

function textOf(message: Message, index: number): string {
  return message.parts
    .map((part) => {
      if (part.type === 'text') return part.text;
      throw new SegueError(
        'INVALID_INPUT',
        `message ${index} (${message.role}) holds an image; prompts are text alone`,
      );
    })
    .join('');
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
