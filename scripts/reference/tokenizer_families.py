"""
Tiny tokenizers of the families that published checkpoints use, trained on the text below, with what the transformers library makes of some
texts and conversations. Writes packages/tokenizer/test/data/<family>/; packages/tokenizer/test/families.test.ts compares with it.

Run from the repository root:  pip install tokenizers transformers jinja2 && python scripts/reference/tokenizer_families.py
"""

import json
import shutil

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

OUT = "packages/tokenizer/test/data"

CORPUS = [
    "The rollout begins where the last one ended; a segment ends, the trajectory goes on.",
    "What is 12 + 30? The answer is 42. What is 7 * 8? The answer is 56.",
    "A small policy learns from its own answers, and the longer answers are resumed later.",
    "We don't know what they're going to do; it's theirs, and I've seen that she'll wait.",
    "    if count > 10:\n        return total / count\n    else:\n        return 0\n",
    "Größe, façade, naïve, smörgåsbord, здравствуй, мир, 世界, こんにちは, 안녕하세요.",
] * 4

TEXTS = [
    "",
    " ",
    "hello",
    "The answer is 42.",
    "  two spaces, and trailing ones  ",
    "tabs\tand\nnew lines\r\n\n\nend",
    "    if total > 10:\n        return total / 3\n",
    "I've, you'RE, they'll, it's, DON'T",
    "1234567890 3.14159 1,000,000",
    "naïve façade; e\u0301 and é; ﬁne",
    "здравствуй, мир! 世界こんにちは 안녕하세요 ไทย עברית",
    "emoji 🙂👩‍👩‍👧 and flags 🇩🇪",
    "zero\u200bwidth, nbsp\u00a0here, \u2028line, \ufeffmark",
    "symbols: ∑∞≠→ €£¥ ©®™ ½ ²",
    "<s>not</s> <|im_start|>user\nhi<|im_end|> <|eot_id|> <unk>",
    "under_score kebab-case CamelCase snake_case_2 https://example.org/a?b=c&d=%20",
    "▁lower one eighth ▁▁ block",
    "aaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbb  cccc   dd",
]

CONVERSATIONS = [
    [dict(role="user", content="What is 7 * 8?")],
    [dict(role="system", content="Be brief.  "), dict(role="user", content="  What is 7 * 8?\n")],
    [dict(role="user", content="Hi"), dict(role="assistant", content="Hello!"), dict(role="user", content="2 + 2?")],
    [
        dict(role="system", content="Think first."),
        dict(role="user", content="2 + 2?"),
        dict(role="assistant", content="<think>\ntwo and two\n</think>\n\n4"),
        dict(role="user", content="世界 🙂?"),
        dict(role="assistant", content="<think>\nhm\n</think>\n\n…"),
    ],
]

# In the manner of Qwen3: a default system message, and the thoughts of earlier turns left out.
QWEN_TEMPLATE = """{%- if messages[0].role != 'system' %}
    {{- '<|im_start|>system\\nYou are of help.<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last=-1) %}
{%- for message in messages %}
    {%- if message.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{% set content = message.content %}{% else %}{% set content = '' %}{% endif %}
    {%- if message.role == 'assistant' and '</think>' in content and loop.index0 < ns.last %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
    {%- endif %}
    {{- '<|im_start|>' + message['role'] + '\\n' + content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{% endif %}
{%- endif %}"""

# In the manner of Llama 2: the system message inside the first turn, turns that must alternate.
LLAMA2_TEMPLATE = """{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set turns = messages[1:] %}{% else %}{% set system = false %}{% set turns = messages %}{% endif %}
{%- for message in turns %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('turns must alternate') }}
    {%- endif %}
    {%- if loop.first and system %}{% set content = '<<SYS>>\\n' ~ system.strip() ~ '\\n<</SYS>>\\n\\n' ~ message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}
    {%- if message['role'] == 'user' %}
        {{- bos_token + '[INST] ' + content | trim + ' [/INST]' }}
    {%- else %}
        {{- ' ' + content | trim + ' ' + eos_token }}
    {%- endif %}
{%- endfor %}"""

# In the manner of Llama 3: a header before every message.
LLAMA3_TEMPLATE = """{{- bos_token }}
{%- macro header(role) %}{{ '<|start_header_id|>' ~ role ~ '<|end_header_id|>\\n\\n' }}{% endmacro %}
{%- for message in messages %}
    {{- header(message.role) ~ message.content | trim ~ '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ header('assistant') }}{% endif %}"""

QWEN_PATTERN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3_PATTERN = QWEN_PATTERN.replace(r"\p{N}|", r"\p{N}{1,3}|")


def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def byte_level(pattern, size, names, normalizer=None, ignore_merges=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    if pattern:
        split = pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False))
    tokenizer.add_special_tokens(special(*names))
    return tokenizer


def qwen():
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_level(QWEN_PATTERN, 420, names, normalizers.NFC())
    return dict(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=QWEN_TEMPLATE)


def gpt2():
    return dict(tokenizer_object=byte_level(None, 420, ["<|endoftext|>"]), bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def llama3():
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_level(LLAMA3_PATTERN, 420, names, ignore_merges=True)
    begin = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    template = processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B", special_tokens=[begin])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return dict(tokenizer_object=tokenizer, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>", chat_template=LLAMA3_TEMPLATE)


def llama2():
    """Words keep their space as a mark; what the vocabulary lacks is spelled in byte tokens."""
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trained.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained.pre_tokenizer = pre_tokenizers.Split("▁", behavior="merged_with_next")
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=460, special_tokens=first, limit_alphabet=60, show_progress=False)
    trained.train_from_iterator(CORPUS, trainer)
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = trained.normalizer
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(special("<unk>", "<s>", "</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return dict(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=LLAMA2_TEMPLATE)


def plain_bytes():
    """One token per byte: byte-level without a single merge."""
    vocabulary = {symbol: i for i, symbol in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(special("<pad>", "<eos>"))
    return dict(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<pad>")


def main():
    for name, parts in dict(qwen=qwen(), gpt2=gpt2(), llama3=llama3(), llama2=llama2(), bytes=plain_bytes()).items():
        tokenizer = PreTrainedTokenizerFast(**parts, clean_up_tokenization_spaces=False)
        folder = f"{OUT}/{name}"
        shutil.rmtree(folder, ignore_errors=True)
        tokenizer.save_pretrained(folder)
        rows = []
        for text in TEXTS:
            ids = tokenizer.encode(text, add_special_tokens=False)
            with_special = tokenizer.encode(text, add_special_tokens=True)
            decoded = tokenizer.decode(with_special, skip_special_tokens=False)
            without = tokenizer.decode(with_special, skip_special_tokens=True)
            rows.append(dict(text=text, ids=ids, withSpecial=with_special, decoded=decoded, withoutSpecial=without))
        # Responses that end in the middle of a character.
        ids = tokenizer.encode("мир 世界🙂", add_special_tokens=False)
        cuts = [dict(ids=ids[:-count], decoded=tokenizer.decode(ids[:-count])) for count in range(1, 6)]
        chats = []
        if tokenizer.chat_template:
            for messages in CONVERSATIONS:
                for prompt in (True, False):
                    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
                    ids = tokenizer.encode(rendered, add_special_tokens=False)
                    chats.append(dict(messages=messages, addGenerationPrompt=prompt, rendered=rendered, ids=ids))
        with open(f"{folder}/reference.json", "w") as file:
            json.dump(dict(vocabularySize=len(tokenizer), texts=rows, cuts=cuts, chats=chats), file, indent=0, ensure_ascii=False)
            file.write("\n")
        print(name, len(tokenizer), "tokens")


if __name__ == "__main__":
    main()
