"""Accuracy of a model on a level's problems: greedy, sampled at temperature 1, and pass@k.

    python tools/pretrain/evaluate.py --model public/models/nano --data public/problems/easy/validation.ncot.json
"""

import argparse
import json
from collections import defaultdict

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from model import Llama
from text import EOS, is_correct, prompt_of, read_problems


@torch.no_grad()
def complete(model: Llama, prompts: torch.Tensor, eos: int, temperature: float, max_new_tokens: int, generator) -> list:
    """prompts (B,T), all of one length -> B lists of completion ids without EOS. Temperature 0 is greedy."""
    caches = model.new_caches()
    tokens, start = prompts, 0
    done = torch.zeros(len(prompts), dtype=torch.bool)
    steps = []
    for _ in range(max_new_tokens):
        logits = model.logits(model.hidden(tokens, caches, start)[:, -1])
        start += tokens.shape[1]
        if temperature == 0:
            chosen = logits.argmax(-1)
        else:
            chosen = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]
        chosen = torch.where(done, torch.full_like(chosen, eos), chosen)
        steps.append(chosen)
        done |= chosen == eos
        if done.all():
            break
        tokens = chosen[:, None]
    rows = torch.stack(steps, dim=1).tolist()
    return [row[: row.index(eos)] if eos in row else row for row in rows]


def sample_correct(model, tokenizer, problems, samples, temperature, max_new_tokens=128, seed=0) -> list[list[bool]]:
    """For each problem, whether each of its samples is correct. Prompts of one length go together: no padding."""
    generator = torch.Generator().manual_seed(seed)
    eos = tokenizer.token_to_id(EOS)
    by_length = defaultdict(list)
    for index, problem in enumerate(problems):
        ids = tokenizer.encode(prompt_of(problem["question"])).ids
        by_length[len(ids)].append((index, ids))
    correct: list[list[bool]] = [[] for _ in problems]
    for group in by_length.values():
        prompts = torch.tensor([ids for _, ids in group]).repeat_interleave(samples, dim=0)
        texts = tokenizer.decode_batch(complete(model, prompts, eos, temperature, max_new_tokens, generator))
        for row, text in enumerate(texts):
            index = group[row // samples][0]
            correct[index].append(is_correct(text, float(problems[index]["answer_value"])))
    return correct


def measure(model, tokenizer, problems, samples=8) -> dict:
    """{n, samples, greedy, sampled (T=1), pass_at_k} in percent."""
    greedy = sample_correct(model, tokenizer, problems, 1, 0.0)
    sampled = sample_correct(model, tokenizer, problems, samples, 1.0)
    n = len(problems)
    return {
        "n": n,
        "samples": samples,
        "greedy": round(100 * sum(row[0] for row in greedy) / n, 1),
        "sampled": round(100 * sum(sum(row) for row in sampled) / (n * samples), 1),
        f"pass_at_{samples}": round(100 * sum(any(row) for row in sampled) / n, 1),
    }


def load_model(folder: str) -> tuple[Llama, Tokenizer]:
    with open(f"{folder}/config.json", encoding="utf-8") as file:
        model = Llama(json.load(file))
    model.load_state_dict(load_file(f"{folder}/model.safetensors"))
    return model.eval(), Tokenizer.from_file(f"{folder}/tokenizer.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load_model(args.model)
    print(json.dumps(measure(model, tokenizer, read_problems(args.data)[: args.limit], args.samples)))


if __name__ == "__main__":
    main()
