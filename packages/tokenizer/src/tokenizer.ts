/**
 * What Segue asks of a tokenizer, and the one implementation over the library.
 * Text is turned into token ids once, at submission; afterwards ids alone count, and decoding is for people and scorers.
 * It knows nothing of files (load-tokenizer.ts) and nothing of how a chat template is found.
 */

import { Tokenizer as Library } from '@huggingface/tokenizers';
import { type Message, SegueError } from '@segue/core';
import type { ChatTemplate } from './chat-template.js';

/** Ids of the tokens with a role of their own; null where the tokenizer names none. */
export interface SpecialTokens {
  readonly bos: number | null;
  readonly eos: number | null;
  readonly pad: number | null;
  readonly unknown: number | null;
}

export interface EncodeOptions {
  /** Adds what the tokenizer puts around every text, such as a token for its beginning. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. */
  readonly skipSpecial?: boolean;
}

export interface RenderOptions {
  /** Ends the text where the policy's answer begins. */
  readonly addGenerationPrompt?: boolean;
}

export interface Tokenizer {
  /** Largest token id plus one. A policy's embedding may have more rows, never fewer. */
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  /** Ids that end a response: the tokenizer's own, and those of generation_config.json. */
  readonly eosTokens: readonly number[];
  readonly hasChatTemplate: boolean;
  /** The files that make this tokenizer, by name: what `saveTokenizer` writes. */
  readonly files: ReadonlyMap<string, string>;
  /** @throws SegueError INVALID_INPUT for a character that the vocabulary cannot express, with its place. */
  encode(text: string, options?: EncodeOptions): Int32Array;
  /** The text that the tokens spell, nothing cleaned up. An id without a token adds nothing. */
  decode(tokens: ArrayLike<number>, options?: DecodeOptions): string;
  /** @throws SegueError FAILED_PRECONDITION without a chat template, INVALID_INPUT for messages that it refuses. */
  renderChat(messages: readonly Message[], options?: RenderOptions): string;
}

/** What is read from the files of a tokenizer. */
export interface TokenizerParts {
  /** Content of tokenizer.json. */
  readonly definition: JsonObject;
  /** Content of tokenizer_config.json. */
  readonly config: JsonObject;
  readonly chatTemplate: ChatTemplate | null;
  /** Token ids of generation_config.json. */
  readonly generationEosTokens: readonly number[];
  readonly files: ReadonlyMap<string, string>;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** The part of the library that is used here; its own type declarations do not resolve under `nodenext`. */
interface LibraryTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[]; tokens: string[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  get_vocab(withAddedTokens: boolean): Map<string, number>;
}

/**
 * Makes a tokenizer from its parts.
 *
 * @throws SegueError INVALID_INPUT when the definition is none that the library reads.
 */
export function createTokenizer(parts: TokenizerParts): Tokenizer {
  return new TextTokenizer(parts);
}

class TextTokenizer implements Tokenizer {
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  readonly eosTokens: readonly number[];
  readonly files: ReadonlyMap<string, string>;
  readonly #library: LibraryTokenizer;
  readonly #chatTemplate: ChatTemplate | null;
  /** Special tokens by the name that a chat template knows them by. */
  readonly #templateTokens: Readonly<Record<string, string>>;
  /** The tokens, put together, are the text: so a character that was dropped can be seen. */
  readonly #tokensSpellText: boolean;

  constructor(parts: TokenizerParts) {
    this.#library = openLibrary(parts);
    this.#chatTemplate = parts.chatTemplate;
    this.files = parts.files;
    this.vocabularySize = 1 + largestId(this.#library);
    const idOf = (name: string): number | null => {
      const token = tokenNamed(parts.config, name);
      return token === null ? null : (this.#library.token_to_id(token) ?? null);
    };
    this.special = {
      bos: idOf('bos_token'),
      eos: idOf('eos_token'),
      pad: idOf('pad_token'),
      unknown: idOf('unk_token'),
    };
    const own = this.special.eos === null ? [] : [this.special.eos];
    this.eosTokens = [...new Set([...own, ...parts.generationEosTokens])];
    this.#templateTokens = templateTokens(parts.config);
    this.#tokensSpellText = tokensSpellText(parts.definition);
  }

  get hasChatTemplate(): boolean {
    return this.#chatTemplate !== null;
  }

  encode(text: string, { addSpecialTokens = false }: EncodeOptions = {}): Int32Array {
    if (this.#tokensSpellText) this.#requireKnownCharacters(text);
    return Int32Array.from(this.#library.encode(text, { add_special_tokens: addSpecialTokens }).ids);
  }

  decode(tokens: ArrayLike<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    const known = Array.from(tokens).filter((id) => this.#library.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    return this.#library.decode(known, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false });
  }

  renderChat(messages: readonly Message[], { addGenerationPrompt = false }: RenderOptions = {}): string {
    if (this.#chatTemplate === null) {
      throw new SegueError(
        'FAILED_PRECONDITION',
        'this policy has no chat template, so its prompts cannot be chat messages: ' +
          'give prompts as plain text, or put a chat_template into its tokenizer_config.json',
      );
    }
    return this.#chatTemplate.render(messages, { addGenerationPrompt, tokens: this.#templateTokens });
  }

  #requireKnownCharacters(text: string): void {
    let offset = 0;
    for (const token of this.#library.encode(text, { add_special_tokens: false }).tokens) {
      if (!text.startsWith(token, offset)) break;
      offset += token.length;
    }
    if (offset < text.length) throw unknownCharacter(text, offset);
  }
}

function openLibrary(parts: TokenizerParts): LibraryTokenizer {
  try {
    const library: LibraryTokenizer = new Library(parts.definition, parts.config);
    return library;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SegueError('INVALID_INPUT', `tokenizer.json is not one that can be read: ${reason}`, error);
  }
}

function largestId(library: LibraryTokenizer): number {
  let largest = -1;
  for (const id of library.get_vocab(true).values()) largest = Math.max(largest, id);
  return largest;
}

/**
 * Byte-pair encoding without bytes and without a token for the unknown drops what it does not know, silently.
 * Where nothing rewrites or splits the text first, the loss shows by comparing tokens and text.
 */
function tokensSpellText(definition: JsonObject): boolean {
  const model = definition.model;
  return (
    isJsonObject(model) &&
    model.type === 'BPE' &&
    (model.unk_token ?? null) === null &&
    model.byte_fallback !== true &&
    (definition.normalizer ?? null) === null &&
    (definition.pre_tokenizer ?? null) === null
  );
}

function unknownCharacter(text: string, offset: number): SegueError {
  const codePoint = text.codePointAt(offset) ?? 0;
  const before = text.slice(0, offset).split('\n');
  const column = [...(before.at(-1) ?? '')].length + 1;
  const name = `U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`;
  return new SegueError(
    'INVALID_INPUT',
    `the character ${JSON.stringify(String.fromCodePoint(codePoint))} (${name}) at line ${before.length}, ` +
      `column ${column} of the text is not in the tokenizer's vocabulary: leave it out, or use a tokenizer that has it`,
  );
}

const namedTokens = ['bos_token', 'eos_token', 'pad_token', 'unk_token'];

function templateTokens(config: JsonObject): Readonly<Record<string, string>> {
  return Object.fromEntries(namedTokens.map((name) => [name, tokenNamed(config, name) ?? '']));
}

/** tokenizer_config.json gives a special token as text, or as an object with its `content`. */
function tokenNamed(config: JsonObject, name: string): string | null {
  const value = config[name];
  if (typeof value === 'string') return value;
  if (isJsonObject(value) && typeof value.content === 'string') return value.content;
  return null;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
