"""Goldens of text: small tokenizer files of every family's kind, and what Python's tokenizers and transformers make of them.

    pip install tokenizers transformers jinja2
    python tools/goldens/text_files.py          # rewrites src/text/goldens/; needs ../shared/data/gsm8k

Each is trained here on problems of GSM8K's training file, and then given the normalizer, splitting, special tokens, template and decoder
of the family it is named after. The schema is in src/text/goldens/README.md.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "src" / "text" / "goldens"
GSM8K = ROOT.parent / "shared" / "data" / "gsm8k"
LINES = 1000
VOCAB = 700

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TIKTOKEN = r"|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPACE = "▁"

TEXTS = [
    "Question:\nHow many?\nAnswer reasoning:\n",
    "  two  spaces,\tthe\ttab\n\n three \r\n lines .  , !  n't I'LL we've she'D",
    "naïve café cafe\u0301, 1,080 € … 😀 👩‍👩‍👧 漢字 かな 한국어 ไทย العربية",
    "null \u0000 del \u007f nbsp\u00a0 thin\u2009 zwsp\u200b soft\u00adhyphen",
    "12 345 6789 1234567 3.14159 ½ ² ٣ 1e-9 0x1F",
    'def solution():\n    """Ada\'s 3 bags"""\n        return 3 * 4\n\n\n\n# end   ',
    "▁under ▁▁ _score_ <0x41> <unk> <s> </s> <|endoftext|><|im_start|>user\nhi<|im_end|> <bos><start_of_turn>",
    "a",
    " ",
    "\n",
    " leading and trailing ",
    "ﬁ ﬂ Å Å ẛ̣ ß İstanbul Σίσυφος",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx--------------------========!!!!!!!!!!",
]

CHAT = [
    [{"role": "user", "content": "What is 2 + 3?"}],
    [
        {"role": "system", "content": "Answer with a number.  "},
        {"role": "user", "content": " Ann has 3 <b>bags</b> & 4 nuts each.\nHow many? "},
        {"role": "assistant", "content": "12"},
        {"role": "user", "content": "And with 5 bags?"},
    ],
]

CHATML = (
    "{%- if messages[0]['role'] != 'system' -%}{{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' -}}{%- endif -%}"
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
HEADERS = (
    "{{- bos_token }}\n"
    "{%- for message in messages %}\n"
    "    {%- set header = '<|start_header_id|>' ~ message['role'] ~ '<|end_header_id|>\\n\\n' %}\n"
    "    {{- header + message['content'] | trim + '<|eot_id|>' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n"
    "{%- endif %}\n"
)
TURNS = (
    "{{ bos_token }}"
    "{%- if messages[0]['role'] == 'system' -%}"
    "{%- set opening = messages[0]['content'] | trim + '\\n\\n' -%}{%- set rest = messages[1:] -%}"
    "{%- else -%}{%- set opening = '' -%}{%- set rest = messages -%}{%- endif -%}"
    "{%- for message in rest -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('User and assistant must take turns.') }}{%- endif -%}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}"
    "{{ '<start_of_turn>' + role + '\\n' + (opening if loop.first else '') + (message['content'] | trim) + '<end_of_turn>\\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)
BARS = (
    "{% for message in messages %}\n"
    "{% if message['role'] == 'user' %}\n{{ '<|user|>\\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'system' %}\n{{ '<|system|>\\n' + message['content'] + eos_token }}\n"
    "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\\n'  + message['content'] + eos_token }}\n"
    "{% endif %}\n"
    "{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n"
    "{% endfor %}"
)


def rows(path, count):
    lines = path.read_text(encoding="utf-8").splitlines()[:count]
    parsed = [json.loads(line) for line in lines]
    return [f"{row['question']}\n{row['answer']}" for row in parsed]


def special(*names):
    return [AddedToken(name, special=True, normalized=False) for name in names]


def byte_bpe(pattern, specials, *, normalizer=None, ignore_merges=False, added=(), use_regex=False):
    """Byte-level BPE; the text is split by `pattern`, or where there is none by GPT-2's own."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=use_regex, use_regex=use_regex)
    split = [pre_tokenizers.Split(Regex(pattern), behavior="isolated")] if pattern else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*split, byte_level]) if split else byte_level
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(rows(GSM8K / "train.jsonl", 3000), trainer)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=use_regex)
    tokenizer.add_special_tokens(special(*specials))
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=normalized) for text, normalized in added])
    return tokenizer


def sentence_bpe(specials, added, normalizer, pre_tokenizer, decoder, bos):
    """BPE as SentencePiece has it: spaces written ▁, unknown letters as bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", SPACE)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(SPACE, behavior="merged_with_next")
    ordinary = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB + 256, special_tokens=[*specials, *ordinary], limit_alphabet=90, show_progress=False
    )
    tokenizer.train_from_iterator(rows(GSM8K / "train.jsonl", 3000), trainer)
    trained = json.loads(tokenizer.to_str())
    trained["added_tokens"] = [token for token in trained["added_tokens"] if token["content"] in specials]
    tokenizer = Tokenizer.from_str(json.dumps(trained))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    tokenizer.add_special_tokens(special(*(name for name in added if name.startswith("<"))))
    tokenizer.add_tokens([AddedToken(name, normalized=False) for name in added if not name.startswith("<")])
    starts_with(tokenizer, bos)
    return tokenizer


def starts_with(tokenizer, bos, before=()):
    template = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))]
    )
    tokenizer.post_processor = processors.Sequence([*before, template]) if before else template


def gpt2():
    return byte_bpe(None, ["<|endoftext|>"], use_regex=True), {"eos_token": "<|endoftext|>"}


def llama_3():
    names = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    tokenizer = byte_bpe(CONTRACTIONS + TIKTOKEN % r"\p{N}{1,3}", names, ignore_merges=True)
    starts_with(tokenizer, "<|begin_of_text|>", [processors.ByteLevel(trim_offsets=True)])
    return tokenizer, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "chat_template": HEADERS}


def qwen2():
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_bpe(CONTRACTIONS + TIKTOKEN % r"\p{N}", names, normalizer=normalizers.NFC())
    return tokenizer, {"bos_token": None, "eos_token": "<|im_end|>", "chat_template": CHATML}


def gpt_neox():
    runs = [(" " * count, True) for count in range(24, 1, -1)]
    tokenizer = byte_bpe(
        None, ["<|endoftext|>", "<|padding|>"], normalizer=normalizers.NFC(), added=runs, use_regex=True
    )
    return tokenizer, {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}


def llama_2():
    tokenizer = sentence_bpe(
        ["<unk>", "<s>", "</s>"],
        [],
        normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]),
        None,
        decoders.Sequence(
            [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1, right=0)]
        ),
        "<s>",
    )
    return tokenizer, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": BARS}


def gemma():
    tokenizer = sentence_bpe(
        ["<pad>", "<eos>", "<bos>", "<unk>"],
        ["<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "\n\n\n", SPACE * 2, SPACE * 3, SPACE * 4],
        normalizers.Replace(" ", SPACE),
        pre_tokenizers.Split(" ", behavior="merged_with_previous"),
        decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]),
        "<bos>",
    )
    return tokenizer, {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "chat_template": TURNS}


KINDS = [gpt2, llama_3, qwen2, gpt_neox, llama_2, gemma]


def fingerprint(numbers):
    """FNV-1a over whole numbers."""
    value = 2166136261
    for number in numbers:
        value = ((value ^ number) * 16777619) & 0xFFFFFFFF
    return value


def of_lines(tokenizer, lines):
    """A fingerprint a line, and one (of UTF-8 bytes) of what decoding gives for each line that does not come back as it was."""
    ids = [tokenizer.encode(line, add_special_tokens=False).ids for line in lines]
    back = [tokenizer.decode(each, skip_special_tokens=False) for each in ids]
    changed = {i: fingerprint(text.encode()) for i, (text, line) in enumerate(zip(back, lines)) if text != line}
    return {"tokens": sum(map(len, ids)), "fingerprints": [fingerprint(each) for each in ids], "decoded": changed}


def of_text(tokenizer, text):
    plain = tokenizer.encode(text, add_special_tokens=False).ids
    return {
        "text": text,
        "ids": plain,
        "with_special_tokens": tokenizer.encode(text, add_special_tokens=True).ids,
        "decoded": tokenizer.decode(plain, skip_special_tokens=False),
        "decoded_without_special": tokenizer.decode(plain, skip_special_tokens=True),
    }


def of_chat(folder, tokenizer):
    reader = PreTrainedTokenizerFast.from_pretrained(folder)
    found = []
    for messages in CHAT:
        for add_generation_prompt in (False, True):
            text = reader.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt)
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            found.append(
                {"messages": messages, "add_generation_prompt": add_generation_prompt, "text": text, "ids": ids}
            )
    return found


def golden_of(tokenizer):
    return {
        "gsm8k": of_lines(tokenizer, rows(GSM8K / "test.jsonl", LINES)),
        "own": of_lines(tokenizer, rows(ROOT / "public" / "problems" / "standard" / "test.jsonl", LINES)),
        "texts": [of_text(tokenizer, text) for text in TEXTS],
    }


def write_golden(path, golden):
    path.write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n")
    lines = golden["gsm8k"]
    print(path.parent.name, lines["tokens"], "tokens;", len(lines["decoded"]), "lines come back otherwise")


if __name__ == "__main__":
    for kind in KINDS:
        trained, settings = kind()
        target = GOLDENS / kind.__name__
        target.mkdir(parents=True, exist_ok=True)
        # As published files have it: one merge a line would make them long.
        (target / "tokenizer.json").write_text(json.dumps(json.loads(trained.to_str()), separators=(",", ":")) + "\n")
        common = {"clean_up_tokenization_spaces": False, "model_max_length": 2048, "tokenizer_class": "PreTrainedTokenizerFast"}
        (target / "tokenizer_config.json").write_text(json.dumps({**settings, **common}, indent=2) + "\n")
        read = Tokenizer.from_file(str(target / "tokenizer.json"))
        golden = golden_of(read)
        if "chat_template" in settings:
            golden["chat"] = of_chat(target, read)
        write_golden(target / "golden.json", golden)
    for bundled in sorted((ROOT / "public" / "models").iterdir()):
        target = GOLDENS / f"bundled_{bundled.name}"
        target.mkdir(exist_ok=True)
        write_golden(target / "golden.json", golden_of(Tokenizer.from_file(str(bundled / "tokenizer.json"))))
