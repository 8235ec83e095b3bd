"""What the model goldens share: a packed batch, AdamW by torch, greedy continuation. Used by llama.py and families.py."""

from pathlib import Path

import torch

GOLDENS = Path(__file__).resolve().parents[2] / "src" / "model" / "goldens"

# (prompt tokens, completion tokens) of the packed batch; the second sequence carries no loss.
SPLITS = [(7, 10), (1, 0), (12, 27), (1, 1)]
GREEDY_PROMPTS = [5, 11]
GREEDY_TOKENS = 20
ADAMW = {"learning_rate": 1e-3, "betas": [0.9, 0.999], "eps": 1e-8, "max_grad_norm": 1.0}


def draw_batch(vocab, seed, lowest=0):
    generator = torch.Generator().manual_seed(seed)
    return [
        {"tokens": torch.randint(lowest, vocab, (prompt + completion,), generator=generator), "prompt": prompt}
        for prompt, completion in SPLITS
    ]


def as_sequences(batch):
    return [
        {"prompt": s["tokens"][: s["prompt"]].tolist(), "completion": s["tokens"][s["prompt"] :].tolist()} for s in batch
    ]


def gradients(named):
    return {name: parameter.grad.detach().clone() for name, parameter in named.items()}


def adamw_losses(named, weight_decay, loss_of, steps):
    """Losses before each of `steps` updates, the global gradient norms before clipping, and the loss after the last."""
    groups = [
        {"params": [p for p in named.values() if p.dim() > 1], "weight_decay": weight_decay},
        {"params": [p for p in named.values() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=ADAMW["learning_rate"], betas=tuple(ADAMW["betas"]), eps=ADAMW["eps"], foreach=False
    )
    losses, norms = [], []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(list(named.values()), ADAMW["max_grad_norm"])))
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        after = float(loss_of())
    return {**ADAMW, "weight_decay": weight_decay, "losses": losses, "grad_norms": norms, "loss_after": after}


def greedy(model, vocab, eos, distinct=1):
    """Continuations by repeated full forwards, far from ties, of `distinct` tokens at least, none of them of `eos`."""
    for seed in range(500):
        generator = torch.Generator().manual_seed(seed)
        runs, margin = [], float("inf")
        for length in GREEDY_PROMPTS:
            prompt = torch.randint(3, vocab, (length,), generator=generator)
            tokens = prompt
            for _ in range(GREEDY_TOKENS):
                with torch.no_grad():
                    top = model(input_ids=tokens[None]).logits[0, -1].topk(2)
                margin = min(margin, float(top.values[0] - top.values[1]))
                tokens = torch.cat([tokens, top.indices[:1]])
            runs.append({"prompt": prompt.tolist(), "completion": tokens[length:].tolist()})
        named = [set(run["completion"]) for run in runs]
        if margin > 0.01 and all(len(tokens) >= distinct and tokens.isdisjoint(eos) for tokens in named):
            return {"max_new_tokens": GREEDY_TOKENS, "smallest_margin": margin, "sequences": runs}
    raise RuntimeError("no prompt leads to such a continuation; try other weights")
