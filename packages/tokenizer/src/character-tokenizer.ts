/**
 * The tokenizer of a policy made from random weights: one token per character, in Hugging Face format, so that the
 * policy's folder opens in any tool that reads such files. It has no normaliser and no token for the unknown: a character
 * outside the alphabet is refused, never mapped to something else.
 */
import { SegueError } from '@segue/core';
import { tokenizerFromFiles } from './load-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';

/** Special tokens, in the order of their ids from 0. */
const specialTokens = { pad: '<pad>', bos: '<bos>', eos: '<eos>' };

/**
 * Makes a tokenizer with one token per character. Ids: 0 pad, 1 beginning of text, 2 end of text, then the characters in
 * the order given. Special tokens in a text are read as what they name; `addSpecialTokens` puts the beginning in front.
 *
 * @param characters the alphabet, each character once (a character is one Unicode code point)
 * @throws SegueError INVALID_CONFIG for an empty alphabet or a character that comes twice.
 */
export function createCharacterTokenizer(characters: string): Tokenizer {
  const alphabet = [...characters];
  if (alphabet.length === 0) throw new SegueError('INVALID_CONFIG', 'the alphabet of a character tokenizer is empty');
  const twice = alphabet.find((character, index) => alphabet.indexOf(character) !== index);
  if (twice !== undefined) {
    throw new SegueError(
      'INVALID_CONFIG',
      `the alphabet of a character tokenizer holds ${JSON.stringify(twice)} twice`,
    );
  }
  const names = Object.values(specialTokens);
  const files = new Map([
    ['tokenizer.json', toText(definitionOf([...names, ...alphabet], names))],
    ['tokenizer_config.json', toText(config)],
  ]);
  return tokenizerFromFiles(files);
}

/** tokenizer.json: byte-pair encoding without a single merge leaves every character a token of its own. */
function definitionOf(vocabulary: readonly string[], special: readonly string[]) {
  const bos = { SpecialToken: { id: specialTokens.bos, type_id: 0 } };
  const bosId = vocabulary.indexOf(specialTokens.bos);
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [bos, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [bos, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { [specialTokens.bos]: { id: specialTokens.bos, ids: [bosId], tokens: [specialTokens.bos] } },
    },
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

/** tokenizer_config.json. */
const config = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: specialTokens.bos,
  eos_token: specialTokens.eos,
  pad_token: specialTokens.pad,
  clean_up_tokenization_spaces: false,
};

function toText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
