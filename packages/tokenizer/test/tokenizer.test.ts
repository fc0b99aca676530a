/** Tokenizers: characters, files in Hugging Face layout, chat templates, prompts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Message } from '@segue/core';
import { createCharacterTokenizer, encodePrompt, loadTokenizer, saveTokenizer } from '@segue/tokenizer';
import t from 'tap';

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz+-*/=()<>., :?\n';

function say(role: string, text: string): Message {
  return { role, parts: [{ type: 'text', text }] };
}

t.test('a character tokenizer gives one token per character, and the same text back', async (t) => {
  const tokenizer = createCharacterTokenizer(alphabet);
  t.equal(tokenizer.vocabularySize, alphabet.length + 3);
  t.strictSame(tokenizer.special, { pad: 0, bos: 1, eos: 2, unknown: null });
  t.strictSame(tokenizer.eosTokens, [2]);
  const text = 'gcd(48, 36) = ?\n48 - 36 = 12 .  ok\n';
  const tokens = tokenizer.encode(text);
  t.equal(tokens.constructor, Int32Array);
  t.strictSame(
    [...tokens],
    [...text].map((character) => 3 + alphabet.indexOf(character)),
  );
  t.equal(tokenizer.decode(tokens), text, 'nothing is cleaned up, not even the space before a mark');
});

t.test(
  'a character tokenizer round-trips every character of its alphabet, and text longer than any cache',
  async (t) => {
    const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('');
    const tokenizer = createCharacterTokenizer(`${printable}\n\té🙂`);
    for (const text of [printable, printable.repeat(40), '\n\n\t é🙂 ', '']) {
      const tokens = tokenizer.encode(text);
      t.equal(tokens.length, [...text].length);
      t.equal(tokenizer.decode(tokens), text);
    }
  },
);

t.test(
  'special tokens are added when asked for, read inside a text, and left out of the text when asked for',
  async (t) => {
    const tokenizer = createCharacterTokenizer('abc');
    t.strictSame([...tokenizer.encode('ab')], [3, 4]);
    t.strictSame([...tokenizer.encode('ab', { addSpecialTokens: true })], [1, 3, 4]);
    t.strictSame([...tokenizer.encode('a<eos>b')], [3, 2, 4]);
    t.equal(tokenizer.decode([1, 3, 4, 2]), '<bos>ab<eos>');
    t.equal(tokenizer.decode([1, 3, 4, 2, 0], { skipSpecial: true }), 'ab');
    t.equal(tokenizer.decode([]), '');
    t.equal(tokenizer.decode([3, 999, 5]), 'ac', 'an id of the padded embedding has no text');
  },
);

t.test('a character outside the alphabet is refused with its name and place, never mapped', async (t) => {
  const tokenizer = createCharacterTokenizer('abc\n');
  const refusal = { code: 'INVALID_INPUT', message: /"é" \(U\+00E9\) at line 2, column 3 / };
  t.throws(() => tokenizer.encode('abc\nabéc'), refusal);
  t.throws(() => tokenizer.encode('<bos>ab🙂'), { message: /"🙂" \(U\+1F642\) at line 1, column 8 / });
  t.throws(() => tokenizer.encode('abcx'), { message: /"x" \(U\+0078\) at line 1, column 4 / });
});

t.test('an alphabet that is empty or holds a character twice is refused', async (t) => {
  t.throws(() => createCharacterTokenizer(''), { code: 'INVALID_CONFIG', message: /empty/ });
  t.throws(() => createCharacterTokenizer('abca'), { code: 'INVALID_CONFIG', message: /"a" twice/ });
});

t.test('a saved tokenizer loads as the same one, byte for byte', async (t) => {
  const folder = join(t.testdir(), 'policies', '0');
  const made = createCharacterTokenizer(alphabet);
  await saveTokenizer(made, folder);
  const loaded = await loadTokenizer(folder);
  t.strictSame([...loaded.files], [...made.files]);
  t.strictSame([...loaded.encode('3 + 4 = 7\n')], [...made.encode('3 + 4 = 7\n')]);
  t.strictSame(loaded.special, made.special);
  t.equal(loaded.vocabularySize, made.vocabularySize);
});

/** A byte-level tokenizer with three merges and a chat template, in the layout of published checkpoints. */
const byteLevel = {
  definition: {
    version: '1.0',
    added_tokens: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'].map((content, i) => ({
      id: 260 + i,
      content,
      special: true,
    })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE',
      unk_token: null,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries([...byteAlphabet(), 'he', 'll', 'hell', 'Ġw'].map((token, id) => [token, id])),
      merges: [
        ['h', 'e'],
        ['l', 'l'],
        ['he', 'll'],
        ['Ġ', 'w'],
      ],
    },
  },
  config: {
    eos_token: { content: '<|im_end|>', special: true },
    pad_token: '<|endoftext|>',
    bos_token: null,
    clean_up_tokenization_spaces: true,
    chat_template:
      "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}" +
      "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  },
  generation: { eos_token_id: [262, 260] },
};

/** The 256 printable stand-ins that byte-level tokenizers write for bytes, in byte order. */
function byteAlphabet(): string[] {
  const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let spare = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : spare++));
}

function policyFolder(config: object = byteLevel.config): Record<string, string> {
  return {
    'tokenizer.json': JSON.stringify(byteLevel.definition),
    'tokenizer_config.json': JSON.stringify(config),
    'generation_config.json': JSON.stringify(byteLevel.generation),
  };
}

t.test('a published layout loads: merges, byte-level text, every token that ends a response', async (t) => {
  const tokenizer = await loadTokenizer(t.testdir(policyFolder()));
  const tokens = tokenizer.encode('hello w');
  t.strictSame([...tokens], [258, 'o'.charCodeAt(0), 259]);
  t.equal(tokenizer.decode(tokens), 'hello w');
  t.equal(
    tokenizer.decode(tokenizer.encode('é 🙂 , .')),
    'é 🙂 , .',
    'decoding never cleans up, whatever the configuration',
  );
  t.strictSame(tokenizer.special, { bos: null, eos: 262, pad: 260, unknown: null });
  t.strictSame(tokenizer.eosTokens, [262, 260]);
  t.equal(tokenizer.vocabularySize, 263);
});

t.test('chat messages go through the chat template, token for token', async (t) => {
  const tokenizer = await loadTokenizer(t.testdir(policyFolder()));
  const messages: Message[] = [say('system', 'be brief'), say('user', 'hello')];
  const expected = '<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n';
  t.ok(tokenizer.hasChatTemplate);
  t.equal(tokenizer.renderChat(messages, { addGenerationPrompt: true }), expected);
  t.notMatch(tokenizer.renderChat(messages), /assistant/);
  const tokens = encodePrompt(tokenizer, messages);
  t.strictSame([...tokens], [...tokenizer.encode(expected)]);
  t.equal(tokens[0], 261, 'the template’s special tokens are single tokens');
  t.equal(tokenizer.decode(tokens), expected);
});

t.test(
  'a template in a file of its own goes before the one in the configuration, and a named list gives its default',
  async (t) => {
    const list = [
      { name: 'tool_use', template: 'tools' },
      { name: 'default', template: '{{ messages[0].content }}!' },
    ];
    const named = await loadTokenizer(t.testdir(policyFolder({ chat_template: list })));
    t.equal(named.renderChat([say('user', 'hi')]), 'hi!');
    const folder = t.testdir({ ...policyFolder(), 'chat_template.jinja': '[{{ eos_token }}]' });
    t.equal((await loadTokenizer(folder)).renderChat([say('user', 'hi')]), '[<|im_end|>]');
  },
);

t.test('chat messages are refused with a reason: no template, an image, a template that objects', async (t) => {
  const image: Message = { role: 'user', parts: [{ type: 'image', url: 'file:///a.png' }] };
  t.throws(() => encodePrompt(createCharacterTokenizer('abc'), [say('user', 'abc')]), {
    code: 'FAILED_PRECONDITION',
    message: /no chat template/,
  });
  const tokenizer = await loadTokenizer(t.testdir(policyFolder()));
  t.throws(() => encodePrompt(tokenizer, [say('user', 'look'), image]), {
    code: 'INVALID_INPUT',
    message: /message 1 \(user\)/,
  });
  const strict = { chat_template: "{{ raise_exception('roles must alternate') }}" };
  const refusing = await loadTokenizer(t.testdir(policyFolder(strict)));
  t.throws(() => refusing.renderChat([say('user', 'a')]), { code: 'INVALID_INPUT', message: /roles must alternate/ });
});

t.test('a text prompt gets the special tokens of its tokenizer', async (t) => {
  t.strictSame([...encodePrompt(createCharacterTokenizer('abc'), 'cab')], [1, 5, 3, 4]);
});

t.test('a folder without a readable tokenizer is refused by name', async (t) => {
  const folder = t.testdir({ 'tokenizer_config.json': '{}' });
  await t.rejects(loadTokenizer(folder), { code: 'NOT_FOUND', message: /has no tokenizer\.json/ });
  await writeFile(join(folder, 'tokenizer.json'), '{"model": ');
  await t.rejects(loadTokenizer(folder), { code: 'INVALID_INPUT', message: /tokenizer\.json is not JSON/ });
  await writeFile(join(folder, 'tokenizer.json'), '{"version": "1.0"}');
  await t.rejects(loadTokenizer(folder), {
    code: 'INVALID_INPUT',
    message: /tokenizer\.json is not one that can be read/,
  });
  t.equal(await readFile(join(folder, 'tokenizer_config.json'), 'utf8'), '{}');
});
