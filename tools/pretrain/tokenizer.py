"""Byte-level BPE with single digits, learned from the generator's text, as a Hugging Face tokenizer.json.

All 256 bytes are in the vocabulary, so any text encodes and decodes without loss.
"""

import json

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from text import EOS, prompt_of, target_of

# A digit, a word with the space before it, signs with the line breaks after them, line breaks, spaces.
PIECES = r"\p{N}| ?\p{L}+| ?[^\s\p{L}\p{N}]+\n*|\s*\n+|\s+(?!\S)|\s+"


def train_tokenizer(rows: list[dict], programs: list[dict], vocab_size: int) -> Tokenizer:
    """Learns merges from corpus rows {question, cot, value} and from some P-CoT programs."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [prompt_of(row["question"]) + target_of(row["cot"], row["value"]) for row in rows]
    texts += [row["answer_cot"] for row in programs]
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: str, context: int) -> None:
    tokenizer.save(f"{folder}/tokenizer.json")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": EOS,
        "pad_token": EOS,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": False,
        "add_eos_token": False,
    }
    with open(f"{folder}/tokenizer_config.json", "w", encoding="utf-8") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
