"""Pretrains one of the bundled base models on fresh text from the problem generator.

    python tools/pretrain/pretrain.py --model nano --corpus /tmp/easy.jsonl --out public/models/nano

Reads the corpus that tools/problems/corpus.ts writes, learns the tokenizer from it, trains on the completions
for one pass, measures the model on its level's validation problems and writes a Hugging Face folder with a
model card and a log. README.md beside this file has every command.
"""

import argparse
import json
import random
import sys
import time
from itertools import islice
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from card import write_card
from evaluate import measure, sample_correct
from model import Llama
from text import EOS, prompt_of, read_jsonl, read_problems, target_of
from tokenizer import save_tokenizer, train_tokenizer

PROBLEMS = Path(__file__).parents[2] / "public" / "problems"
MODELS = {
    "nano": {
        "level": "easy",
        "spoilt": 0.1,
        "steps": 1450,
        "batch_size": 64,
        "learning_rate": 3e-3,
        "muon_learning_rate": 1e-2,
        "vocab_size": 560,
        "shape": {
            "hidden_size": 64,
            "intermediate_size": 172,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
        },
    },
    "mini": {
        "level": "standard",
        "spoilt": 0.05,
        "steps": 2400,  # of the schedule
        "stop_at": 1500,
        "finish_steps": 60,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "muon_learning_rate": 8e-3,
        "vocab_size": 768,
        "shape": {
            "hidden_size": 128,
            "intermediate_size": 344,
            "num_hidden_layers": 5,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
        },
    },
}
WARMUP_STEPS = 100
FINAL_LEARNING_RATE = 0.05  # of the peak
FINISH_WARMUP_STEPS = 10
FINISH_LEARNING_RATE = 0.4  # of the peak, where a run is stopped early and finished apart
CONTEXT = 512


def model_config(name: str, vocab_size: int, eos: int) -> dict:
    shape = MODELS[name]["shape"]
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": vocab_size,
        **shape,
        "head_dim": shape["hidden_size"] // shape["num_attention_heads"],
        "max_position_embeddings": CONTEXT,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "initializer_range": round(0.6 / shape["hidden_size"] ** 0.5, 3),
        "bos_token_id": eos,
        "eos_token_id": eos,
        "pad_token_id": eos,
        "torch_dtype": "float32",
        "use_cache": True,
    }


def tokenize(tokenizer, rows: list[dict], eos: int) -> list[tuple[list[int], int]]:
    """Prompt and target encoded apart and joined, EOS at the end: (ids, length of the prompt)."""
    sequences = []
    for begin in range(0, len(rows), 5000):
        some = rows[begin : begin + 5000]
        prompts = tokenizer.encode_batch([prompt_of(row["question"]) for row in some])
        targets = tokenizer.encode_batch([target_of(row["cot"], row["value"]) for row in some])
        sequences += [(p.ids + t.ids + [eos], len(p.ids)) for p, t in zip(prompts, targets)]
    return sequences


def batches(sequences: list, batch_size: int, pool: int = 16):
    """Batches of similar length (sorted within pools of 16 batches, then shuffled), so that little is padded."""
    for begin in range(0, len(sequences), pool * batch_size):
        chunk = sorted(sequences[begin : begin + pool * batch_size], key=lambda sequence: len(sequence[0]))
        groups = [chunk[i : i + batch_size] for i in range(0, len(chunk), batch_size)]
        random.shuffle(groups)
        yield from groups


def batch_loss(model: Llama, batch: list) -> torch.Tensor:
    """Mean negative log-likelihood of the batch's completion tokens."""
    length = max(len(ids) for ids, _ in batch)
    tokens = torch.tensor([ids + [0] * (length - len(ids)) for ids, _ in batch])
    wanted = torch.zeros(len(batch), length - 1, dtype=torch.bool)
    for row, (ids, prompt) in enumerate(batch):
        wanted[row, prompt - 1 : len(ids) - 1] = True
    hidden = model.hidden(tokens[:, :-1])[wanted]
    return F.cross_entropy(model.logits(hidden), tokens[:, 1:][wanted])


def learning_rate_share(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then linear down to 5 % of the peak."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 1 - (1 - FINAL_LEARNING_RATE) * done


def make_optimizers(model: Llama, learning_rate: float, muon_learning_rate: float) -> list:
    """Muon for the matrices of the layers (about twice as fast here), AdamW for embedding and norms."""
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=muon_learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def train(model: Llama, all_batches, steps: int, warmup: int, optimizers: list, check) -> list[dict]:
    """One pass over the batches; returns the log.

    `steps` and `warmup` give the schedule; `check(step)` gives figures now and then.
    """
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    peaks = [group["lr"] for group in groups]
    log, recent, started = [], [], time.time()
    for step, batch in enumerate(all_batches):
        for group, peak in zip(groups, peaks):
            group["lr"] = peak * learning_rate_share(step, steps, warmup)
        loss = batch_loss(model, batch)
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        recent.append(loss.item())
        if (step + 1) % 100 == 0:
            row = {"step": step + 1, "loss": round(sum(recent) / len(recent), 4), "seconds": round(time.time() - started)}
            row |= check(step + 1)
            log.append(row)
            recent = []
            print(json.dumps(row), file=sys.stderr, flush=True)
    return log


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--corpus", required=True, help="JSON lines written by tools/problems/corpus.ts")
    parser.add_argument("--corpus-command", default="", help="how the corpus was made, for the card")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--stop-at", type=int, help="stop here, before the schedule ends")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    random.seed(args.seed)

    settings = MODELS[args.model]
    steps, batch_size = args.steps or settings["steps"], settings["batch_size"]
    stop_at = min(args.stop_at or settings.get("stop_at", steps), steps)
    finish_steps = settings.get("finish_steps", 0) if stop_at < steps else 0
    rows = read_jsonl(args.corpus)[: steps * batch_size]
    if len(rows) < steps * batch_size:
        sys.exit(f"{args.corpus} has {len(rows)} problems; {steps} steps of {batch_size} need {steps * batch_size}.")
    level = PROBLEMS / settings["level"]
    validation = read_problems(str(level / "validation.ncot.json"))
    programs = read_problems(str(level / "train.pcot.json"))

    tokenizer = train_tokenizer(rows[:20000], programs, settings["vocab_size"])
    eos = tokenizer.token_to_id(EOS)
    sequences = tokenize(tokenizer, rows, eos)
    lengths = [len(ids) for ids, _ in sequences]
    config = model_config(args.model, tokenizer.get_vocab_size(), eos)
    model = Llama(config)
    parameters = sum(p.numel() for p in model.parameters())
    mean_length = sum(lengths) / len(lengths)
    print(f"{parameters} parameters, vocabulary {config['vocab_size']}", file=sys.stderr)
    print(f"{mean_length:.1f} tokens a problem, {max(lengths)} the longest", file=sys.stderr)

    out = Path(args.out)

    def check(step: int) -> dict:
        if step % 500:
            return {}
        save_model(model, tokenizer, out)
        correct = sample_correct(model, tokenizer, validation[:100], 4, 1.0)
        return {"sampled_accuracy_of_100": sum(map(sum, correct)) / 4}

    optimizers = make_optimizers(model, settings["learning_rate"], settings["muon_learning_rate"])
    started = time.time()
    stream = batches(sequences, batch_size)
    log = train(model, islice(stream, stop_at), steps, WARMUP_STEPS, optimizers, check)
    if finish_steps:
        rates = [settings[key] * FINISH_LEARNING_RATE for key in ("learning_rate", "muon_learning_rate")]
        finishing = make_optimizers(model, *rates)
        log += train(model, islice(stream, finish_steps), finish_steps, FINISH_WARMUP_STEPS, finishing, lambda _: {})
    seconds = round(time.time() - started)
    figures = measure(model, tokenizer, validation)
    print(json.dumps(figures), file=sys.stderr)

    save_model(model, tokenizer, out)
    made = {
        "model": args.model,
        "level": settings["level"],
        "parameters": parameters,
        "vocab_size": config["vocab_size"],
        "steps": stop_at,
        "schedule_steps": steps,
        "finish_steps": finish_steps,
        "batch_size": batch_size,
        "learning_rate": settings["learning_rate"],
        "muon_learning_rate": settings["muon_learning_rate"],
        "seed": args.seed,
        "corpus": args.corpus_command,
        "tokens": round(sum(lengths) * (stop_at + finish_steps) / steps),
        "mean_tokens_a_problem": round(mean_length, 1),
        "longest_problem": max(lengths),
        "seconds": seconds,
        "threads": args.threads,
        "torch": torch.__version__,
        "validation": figures,
    }
    write_json(out / "pretraining.json", {**made, "log": log})
    write_card(out / "README.md", made)


def save_model(model: Llama, tokenizer, out: Path) -> None:
    """Writes a Hugging Face folder: weights in f32, config, tokenizer, generation defaults."""
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    weights = out / "model.safetensors"
    save_file(state, str(weights), metadata={"format": "pt"})
    weights.chmod(0o644)
    save_tokenizer(tokenizer, str(out), CONTEXT)
    write_json(out / "config.json", model.config)
    eos = model.config["eos_token_id"]
    generation = {"eos_token_id": eos, "pad_token_id": eos, "max_new_tokens": 128, "do_sample": False}
    write_json(out / "generation_config.json", generation)


def write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
