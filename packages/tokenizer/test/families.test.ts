/**
 * Token ids, texts and rendered conversations against the transformers library, for the families of tokenizers that published checkpoints
 * use. The data is that of scripts/reference/tokenizer_families.py.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Message } from '@segue/core';
import { loadTokenizer } from '@segue/tokenizer';
import t from 'tap';

interface Reference {
  readonly vocabularySize: number;
  readonly texts: readonly {
    readonly text: string;
    readonly ids: readonly number[];
    readonly withSpecial: readonly number[];
    readonly decoded: string;
    readonly withoutSpecial: string;
  }[];
  /** Ids that end in the middle of a character. */
  readonly cuts: readonly { readonly ids: readonly number[]; readonly decoded: string }[];
  readonly chats: readonly {
    readonly messages: readonly { readonly role: string; readonly content: string }[];
    readonly addGenerationPrompt: boolean;
    readonly rendered: string;
    readonly ids: readonly number[];
  }[];
}

const folderOf = (family: string) => fileURLToPath(new URL(`./data/${family}`, import.meta.url));

async function referenceOf(family: string): Promise<Reference> {
  return JSON.parse(await readFile(`${folderOf(family)}/reference.json`, 'utf8'));
}

/**
 * Where texts are spelled in byte tokens, the library loses a byte order mark, and writes one replacement character for a cut character
 * where the reference writes one per byte. Ids are not touched by either.
 */
function decodedHere(family: string, text: string): string {
  return family === 'llama2' ? text.replace('\ufeff', '').replace(/\ufffd+/g, '\ufffd') : text;
}

for (const family of ['qwen', 'gpt2', 'llama3', 'llama2', 'bytes']) {
  t.test(`${family}: every text gives the reference's ids, and the ids its text`, async (t) => {
    const tokenizer = await loadTokenizer(folderOf(family));
    const { vocabularySize, texts, cuts } = await referenceOf(family);
    t.equal(tokenizer.vocabularySize, vocabularySize);
    t.ok(texts.length > 10);
    for (const [i, { text, ids, withSpecial, decoded, withoutSpecial }] of texts.entries()) {
      const name = `text ${i}`;
      t.strictSame([...tokenizer.encode(text)], ids, name);
      t.strictSame([...tokenizer.encode(text, { addSpecialTokens: true })], withSpecial, `${name} with special tokens`);
      t.equal(tokenizer.decode(withSpecial), decodedHere(family, decoded), `${name} decoded`);
      t.equal(
        tokenizer.decode(withSpecial, { skipSpecial: true }),
        decodedHere(family, withoutSpecial),
        `${name} without special tokens`,
      );
    }
    for (const { ids, decoded } of cuts)
      t.equal(tokenizer.decode(ids), decodedHere(family, decoded), `cut after ${ids.length}`);
  });
}

for (const family of ['qwen', 'llama3', 'llama2']) {
  t.test(`${family}: conversations are rendered as the reference renders them, token for token`, async (t) => {
    const tokenizer = await loadTokenizer(folderOf(family));
    const { chats } = await referenceOf(family);
    t.ok(chats.length > 4);
    for (const { messages, addGenerationPrompt, rendered, ids } of chats) {
      const said = messages.map(({ role, content }): Message => ({ role, parts: [{ type: 'text', text: content }] }));
      t.equal(tokenizer.renderChat(said, { addGenerationPrompt }), rendered);
      t.strictSame([...tokenizer.encode(rendered)], ids);
    }
  });
}
