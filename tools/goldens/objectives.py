"""Goldens of the objectives and their gradients by PyTorch autograd, in float64, for src/kernels/objectives.test.ts.

    pip install torch
    python tools/goldens/objectives.py       # rewrites src/kernels/goldens/objectives.json

Sequences of prompt and completion, padded to one length, with a mask over completion tokens, as a PyTorch trainer holds
them; the file lists the masked tokens only, end to end. `weight` is the derivative of the aggregate with respect to each
token's term. PPO: arXiv:1707.06347 eq. 7 with clipped values; KL estimators: Schulman, "Approximating KL divergence".
"""

import json
import math
from pathlib import Path

import torch

OUT = Path(__file__).resolve().parents[2] / "src" / "kernels" / "goldens" / "objectives.json"
SPANS = [(2, 9), (0, 1), (5, 16), (1, 4)]  # first and last + 1 completion token of each sequence

# Ties and bounds, a token each: logp - logp_old, advantage, value, value_old, return. All but the logarithms are exact
# in float32, so float32 and float64 agree on which branch is taken (with cliprange_value 0.25).
EDGES = [
    (0.0, 1.5, 0.5, 0.5, 1.0),  # first update: ratio exactly 1, V exactly V_old
    (0.0, -1.5, 0.5, 0.5, 0.5),  # ... and V exactly R
    (0.0, 0.0, 0.25, 0.0, 1.0),  # no advantage; V on its upper bound
    (math.log(1.2) - 1e-3, 0.75, -0.25, 0.0, 1.0),  # just within the clip range; V on its lower bound
    (math.log(1.2) + 1e-3, 0.75, 0.75, 0.0, 0.5),  # just past it: no gradient; (V-R)^2 = (V'-R)^2 with V out of range
    (math.log(1.2) + 1e-3, -0.75, 0.75, 0.0, 2.0),  # past it the other way: full gradient; V clipped away from R
    (math.log(0.8) - 1e-3, 0.75, 0.75, 0.0, 0.0),  # below it, pushed up; V out of range and farther
    (math.log(0.8) - 1e-3, -0.75, -0.75, 0.0, 0.0),  # below it, pushed down: no gradient
]

CASES = [
    ("seq-mean-token-mean", dict(cliprange=0.2, cliprange_value=0.2, vf_coef=5.0, entropy_coef=0.0, kl_loss_coef=0.0)),
    ("token-mean", dict(cliprange=0.2, cliprange_value=0.25, vf_coef=0.5, entropy_coef=0.01, kl_loss_coef=0.1)),
    ("seq-mean-token-mean", dict(cliprange=0.0, cliprange_value=0.25, vf_coef=1.0, entropy_coef=0.0, kl_loss_coef=0.0)),
    ("seq-mean-token-sum", dict(cliprange=0.2, cliprange_value=0.25, vf_coef=0.1, entropy_coef=0.0, kl_loss_coef=0.05)),
]


def f32(x: torch.Tensor) -> torch.Tensor:
    """Rounded to float32, so that a float32 kernel reads the very same numbers."""
    return x.to(torch.float32).to(torch.float64)


def inputs() -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    generator = torch.Generator().manual_seed(20260)
    spans = [*SPANS, (0, len(EDGES))]
    shape = (len(spans), max(end for _, end in spans))

    def normal(scale: float) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64) * scale

    mask = torch.zeros(shape, dtype=torch.float64)
    for b, (start, end) in enumerate(spans):
        mask[b, start:end] = 1
    logp = f32(-normal(1.5).abs())
    value = f32(normal(0.5))
    data = {
        "logp": logp,
        "entropy": f32(normal(1.0).abs()),
        "value": value,
        "logp_old": f32(logp - normal(0.3)),
        "advantage": f32(normal(1.0)),
        "return": f32(normal(0.7)),
        "value_old": f32(value + normal(0.3)),
        "logp_ref": f32(logp + normal(0.5)),
    }
    for t, (gap, advantage, value_now, value_old, goal) in enumerate(EDGES):
        data["logp"][-1, t] = -1.5
        data["logp_old"][-1, t] = f32(torch.tensor(-1.5 - gap, dtype=torch.float64))
        data["advantage"][-1, t] = advantage
        data["value"][-1, t] = value_now
        data["value_old"][-1, t] = value_old
        data["return"][-1, t] = goal
    return data, mask


def aggregate(x: torch.Tensor, mask: torch.Tensor, how: str) -> torch.Tensor:
    if how == "token-mean":
        return (x * mask).sum() / mask.sum()
    per_sequence = (x * mask).sum(1)
    if how == "seq-mean-token-mean":
        per_sequence = per_sequence / mask.sum(1)
    return per_sequence.mean()


def ppo(data: dict[str, torch.Tensor], mask: torch.Tensor, how: str, coefficients: dict[str, float]) -> dict:
    logp, entropy, value = (data[name].clone().requires_grad_() for name in ("logp", "entropy", "value"))
    cliprange, cliprange_value = coefficients["cliprange"], coefficients["cliprange_value"]
    advantage, goal, value_old = data["advantage"], data["return"], data["value_old"]

    ratio = torch.exp(torch.clamp(logp - data["logp_old"], -20, 20))
    policy = torch.max(-advantage * ratio, -advantage * torch.clamp(ratio, 1 - cliprange, 1 + cliprange))
    value_clipped = torch.clamp(value, value_old - cliprange_value, value_old + cliprange_value)
    squared = 0.5 * torch.max((value - goal) ** 2, (value_clipped - goal) ** 2)
    gap = torch.clamp(data["logp_ref"] - logp, -20, 20)
    k3 = torch.exp(gap) - 1 - gap

    policy_loss = aggregate(policy, mask, how)
    value_loss = aggregate(squared, mask, how)
    regularizer = aggregate(coefficients["kl_loss_coef"] * k3 - coefficients["entropy_coef"] * entropy, mask, how)
    total = policy_loss + regularizer + coefficients["vf_coef"] * value_loss
    dlogp, dvalue = torch.autograd.grad(total, [logp, value], retain_graph=True)
    (dentropy,) = torch.autograd.grad(total, [entropy])
    return {
        "policy_loss": policy_loss.item(),
        "value_loss": value_loss.item(),
        "loss": total.item(),
        "dlogp": masked(dlogp, mask),
        "dentropy": masked(dentropy, mask),
        "dvalue": masked(dvalue, mask),
    }


def sft(data: dict[str, torch.Tensor], mask: torch.Tensor, how: str) -> dict:
    logp = data["logp"].clone().requires_grad_()
    loss = aggregate(-logp, mask, how)
    (dlogp,) = torch.autograd.grad(loss, [logp])
    return {"loss": loss.item(), "dlogp": masked(dlogp, mask)}


def masked(x: torch.Tensor, mask: torch.Tensor) -> list[float]:
    return x[mask.bool()].tolist()


def main() -> None:
    data, mask = inputs()
    cases = []
    for how, coefficients in CASES:
        term = torch.zeros_like(mask, requires_grad=True)
        (weight,) = torch.autograd.grad(aggregate(term, mask, how), [term])
        cases.append(
            {
                "aggregation": how,
                "coefficients": coefficients,
                "weight": masked(weight, mask),
                "sft": sft(data, mask, how),
                "ppo_clip": ppo(data, mask, how, coefficients),
            }
        )
    k1 = data["logp"] - data["logp_ref"]
    golden = {
        "torch": torch.__version__.split("+")[0],
        "inputs": {name: masked(x, mask) for name, x in data.items()},
        "kl": {"k1": masked(k1, mask), "k2": masked(k1**2 / 2, mask), "k3": masked(torch.exp(-k1) - 1 + k1, mask)},
        "cases": cases,
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
