/**
 * Tokenizers as files, in Hugging Face layout: tokenizer.json, tokenizer_config.json, and where present
 * chat_template.jinja and generation_config.json. What was read is kept as it was, so that saving changes no byte.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SegueError } from '@segue/core';
import { type ChatTemplate, parseChatTemplate } from './chat-template.js';
import { createTokenizer, isJsonObject, type JsonObject, type Tokenizer } from './tokenizer.js';

const definitionFile = 'tokenizer.json';
const configFile = 'tokenizer_config.json';
const templateFile = 'chat_template.jinja';
const generationFile = 'generation_config.json';
const fileNames = [definitionFile, configFile, templateFile, generationFile];

/**
 * Reads the tokenizer of a policy.
 *
 * @param folder folder in Hugging Face layout
 * @throws SegueError NOT_FOUND without a tokenizer.json, INVALID_INPUT for a file that cannot be read as what it should be.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const files = new Map<string, string>();
  for (const name of fileNames) {
    const text = await readIfPresent(join(folder, name));
    if (text !== null) files.set(name, text);
  }
  if (!files.has(definitionFile)) {
    throw new SegueError(
      'NOT_FOUND',
      `${folder} has no ${definitionFile}: give the folder of a policy with its tokenizer`,
    );
  }
  try {
    return tokenizerFromFiles(files);
  } catch (error) {
    const inner = SegueError.from(error);
    throw new SegueError(inner.code, `tokenizer in ${folder}: ${inner.rawMessage}`, error);
  }
}

/** Writes the tokenizer's files into a folder, which is made when it is missing. */
export async function saveTokenizer(tokenizer: Tokenizer, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of tokenizer.files) await writeFile(join(folder, name), text);
}

/** Makes a tokenizer from the texts of its files, by file name. */
export function tokenizerFromFiles(files: ReadonlyMap<string, string>): Tokenizer {
  const config = parseJson(files, configFile);
  return createTokenizer({
    definition: parseJson(files, definitionFile),
    config,
    chatTemplate: findChatTemplate(files, config),
    generationEosTokens: tokenIds(parseJson(files, generationFile).eos_token_id),
    files,
  });
}

function parseJson(files: ReadonlyMap<string, string>, name: string): JsonObject {
  const text = files.get(name);
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SegueError(
      'INVALID_INPUT',
      `${name} is not JSON: ${error instanceof Error ? error.message : error}`,
      error,
    );
  }
  if (!isJsonObject(value)) throw new SegueError('INVALID_INPUT', `${name} is not a JSON object`);
  return value;
}

/** A file of its own goes before the key `chat_template`, which is one template or a list of named ones. */
function findChatTemplate(files: ReadonlyMap<string, string>, config: JsonObject): ChatTemplate | null {
  const file = files.get(templateFile);
  if (file !== undefined) return parseChatTemplate(file);
  const value = config.chat_template;
  if (typeof value === 'string') return parseChatTemplate(value);
  if (!Array.isArray(value)) return null;
  const fallback = value.find((entry) => isJsonObject(entry) && entry.name === 'default');
  return typeof fallback?.template === 'string' ? parseChatTemplate(fallback.template) : null;
}

function tokenIds(value: unknown): number[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((id) => typeof id === 'number');
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const failure = SegueError.from(error);
    if (failure.code === 'NOT_FOUND') return null;
    throw failure;
  }
}
