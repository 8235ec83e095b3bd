"""Goldens of the RL arithmetic: GAE, whitening, KL, rewards and the PPO objective with its gradients, in float64.

    pip install torch
    python tools/goldens/rl.py               # rewrites src/rl/goldens/rl.json

Plain torch, written from the formulas of the papers (GAE: arXiv:1506.02438 eq. 16; adaptive KL: arXiv:1909.08593 sec. 2.2;
KL estimators: Schulman, "Approximating KL divergence"; PPO: arXiv:1707.06347); gradients by autograd.
"""

import json
from pathlib import Path

import torch

OUT = Path(__file__).resolve().parents[2] / "src" / "rl" / "goldens" / "rl.json"
LENGTHS = [6, 1, 13, 2, 9]

ABOUT = {
    "layout": "Every per-token list runs over the M completion tokens of all sequences, laid end to end. Sequence i holds"
    " tokens start[i] (included) to start[i+1] (excluded).",
    "kl": "k1 = logp_old - logp_ref; k2 = k1^2 / 2; k3 = exp(-k1) - 1 + k1. `mean_*`: over all tokens."
    " `sequence_sum_mean_k1`: mean over sequences of the sum of k1 over the sequence.",
    "rewards": "reward[t] = -kl_coef * k1[t], plus score[i] on the last token of sequence i.",
    "gae": "One entry per (gamma, lam): delta[t] = reward[t] + gamma * V[t+1] - V[t] with V = 0 after a sequence's last token;"
    " advantage[t] = delta[t] + gamma * lam * advantage[t+1]; return = advantage + value. Not whitened.",
    "whiten": "Of the first gae entry's advantages: (x - mean) / sqrt(var + 1e-8), unbiased var (n - 1), over all M tokens.",
    "adaptive_kl": "coef *= 1 + clip(kl / target - 1, -0.2, 0.2) * n / horizon, after each observed kl; `coefs[j]` is the value"
    " after observation j of n samples.",
    "weights": "Per token. token_mean: 1 / M. seq_mean_token_mean: 1 / (length of its sequence * sequences)."
    " seq_mean_token_sum: 1 / sequences.",
    "objectives": "ppo_clip, one entry per setting, for the inputs logp, entropy, value, logp_old, logp_ref, advantage, return,"
    " value_old, weight. r = exp(logp - logp_old). policy = sum weight * max(-A r, -A clip(r, 1 - c, 1 + c));"
    " value = sum weight * max((V - R)^2, (V_old + clip(V - V_old, -cv, cv) - R)^2) / 2; kl = sum weight * k3(logp, logp_ref);"
    " total = policy + vf_coef * value - entropy_coef * sum weight * entropy + kl_loss_coef * kl."
    " dlogp, dentropy, dvalue: autograd of total. The last three tokens are ties: r exactly 1; V exactly V_old; both, with"
    " V = R. (At a tie torch gives max's two branches half each; inside the clip range both are equal.)"
    " approxkl = mean of (logp - logp_old)^2 / 2; clipfrac = mean of [clipped branch strictly larger]; unweighted.",
    "sft": "total = sum weight * -logp, with its dlogp.",
    "explained_variance": "1 - var(return - value_old) / var(return), unbiased variances over the M tokens of the first gae entry"
    " (its returns, `values`).",
}


def spans(values):
    at = 0
    for length in LENGTHS:
        yield values[at : at + length]
        at += length


def gae(rewards, values, gamma, lam):
    advantages = []
    for reward, value in zip(spans(rewards), spans(values)):
        following, advantage, reverse = 0.0, 0.0, []
        for t in range(len(reward) - 1, -1, -1):
            delta = reward[t] + gamma * following - value[t]
            advantage = delta + gamma * lam * advantage
            reverse.append(advantage)
            following = value[t]
        advantages += reverse[::-1]
    return torch.stack(advantages)


def whiten(x):
    return (x - x.mean()) * torch.rsqrt(x.var(unbiased=True) + 1e-8)


def adaptive(observed, n, coef=0.2, target=6.0, horizon=10_000):
    coefs = []
    for kl in observed:
        coef *= 1 + min(max(kl / target - 1, -0.2), 0.2) * n / horizon
        coefs.append(coef)
    return {"init": 0.2, "target": target, "horizon": horizon, "n": n, "observed_kl": observed, "coefs": coefs}


def weights(count):
    own = torch.cat([torch.full((n,), float(n), dtype=torch.float64) for n in LENGTHS])
    return {
        "token_mean": torch.full((count,), 1 / count, dtype=torch.float64),
        "seq_mean_token_mean": 1 / (own * len(LENGTHS)),
        "seq_mean_token_sum": torch.full((count,), 1 / len(LENGTHS), dtype=torch.float64),
    }


def ppo_clip(inputs, weight, cliprange, cliprange_value, vf_coef, entropy_coef, kl_loss_coef):
    logp, entropy, value = (inputs[k].clone().requires_grad_() for k in ("logp", "entropy", "value"))
    advantage, old = inputs["advantage"], inputs["value_old"]
    ratio = torch.exp(logp - inputs["logp_old"])
    plain, clipped = -advantage * ratio, -advantage * ratio.clamp(1 - cliprange, 1 + cliprange)
    policy = (weight * torch.max(plain, clipped)).sum()
    near = old + (value - old).clamp(-cliprange_value, cliprange_value)
    error, near_error = (value - inputs["return"]) ** 2, (near - inputs["return"]) ** 2
    value_loss = (weight * torch.max(error, near_error) / 2).sum()
    k1 = logp - inputs["logp_ref"]
    kl = (weight * (torch.exp(-k1) - 1 + k1)).sum()
    total = policy + vf_coef * value_loss - entropy_coef * (weight * entropy).sum() + kl_loss_coef * kl
    grads = torch.autograd.grad(total, [logp, entropy, value], allow_unused=True)
    as_list = lambda g: (torch.zeros_like(logp) if g is None else g).tolist()
    return {
        "params": {
            "cliprange": cliprange,
            "cliprange_value": cliprange_value,
            "vf_coef": vf_coef,
            "entropy_coef": entropy_coef,
            "kl_loss_coef": kl_loss_coef,
        },
        "policy_loss": policy.item(),
        "value_loss": value_loss.item(),
        "kl_loss": kl.item(),
        "total": total.item(),
        "approxkl": (0.5 * (logp - inputs["logp_old"]) ** 2).mean().item(),
        "clipfrac": (clipped > plain).double().mean().item(),
        "value_clipfrac": (near_error > error).double().mean().item(),
        "dlogp": as_list(grads[0]),
        "dentropy": as_list(grads[1]),
        "dvalue": as_list(grads[2]),
    }


def objective_inputs(count, noise):
    logp, value = -1.5 + noise(0.8), noise(0.6)
    inputs = {
        "logp": logp,
        "entropy": 1 + noise(0.3).abs(),
        "value": value,
        "logp_old": logp + noise(0.25),
        "logp_ref": logp + noise(0.4),
        "advantage": noise(1.0),
        "return": value + noise(0.7),
        "value_old": value + noise(0.3),
    }
    inputs["logp_old"][[count - 3, count - 1]] = logp[[count - 3, count - 1]]
    inputs["value_old"][[count - 2, count - 1]] = value[[count - 2, count - 1]]
    inputs["return"][count - 1] = value[count - 1]
    return inputs


def main():
    torch.set_default_dtype(torch.float64)
    generator = torch.Generator().manual_seed(5)
    count = sum(LENGTHS)
    noise = lambda scale: scale * torch.randn(count, generator=generator)
    start = [sum(LENGTHS[:i]) for i in range(len(LENGTHS) + 1)]

    logp_old = -noise(1.0).abs()
    logp_ref = logp_old + noise(0.3)
    k1 = logp_old - logp_ref
    k2, k3 = k1**2 / 2, torch.exp(-k1) - 1 + k1
    scores, kl_coef = [1.0, 0.0, 0.1, 1.0, 0.0], 0.05
    rewards = -kl_coef * k1
    rewards[[end - 1 for end in start[1:]]] += torch.tensor(scores)
    values = noise(0.5)

    entries = []
    for gamma, lam in [(1.0, 0.95), (0.99, 0.9), (1.0, 1.0), (0.97, 0.0)]:
        advantage = gae(rewards, values, gamma, lam)
        entries.append(
            {"gamma": gamma, "lam": lam, "advantages": advantage.tolist(), "returns": (advantage + values).tolist()}
        )
    first = torch.tensor(entries[0]["advantages"])
    returns = first + values

    inputs, weight = objective_inputs(count, noise), weights(count)
    settings = [
        ("seq_mean_token_mean", 0.2, 0.2, 5.0, 0.0, 0.0),
        ("token_mean", 0.1, 0.4, 0.5, 0.01, 0.1),
        ("seq_mean_token_sum", 0.2, 0.2, 0.1, 0.0, 0.02),
    ]
    logp = inputs["logp"].clone().requires_grad_()
    sft = (weight["token_mean"] * -logp).sum()

    golden = {
        "about": ABOUT,
        "lengths": LENGTHS,
        "start": start,
        "logp_old": logp_old.tolist(),
        "logp_ref": logp_ref.tolist(),
        "kl": {
            "k1": k1.tolist(),
            "k2": k2.tolist(),
            "k3": k3.tolist(),
            "mean_k1": k1.mean().item(),
            "mean_k2": k2.mean().item(),
            "mean_k3": k3.mean().item(),
            "sequence_sum_mean_k1": torch.stack([s.sum() for s in spans(k1)]).mean().item(),
        },
        "kl_coef": kl_coef,
        "scores": scores,
        "rewards": rewards.tolist(),
        "values": values.tolist(),
        "gae": entries,
        "whiten": {"input_mean": first.mean().item(), "input_var": first.var().item(), "output": whiten(first).tolist()},
        "explained_variance": (1 - (returns - values).var() / returns.var()).item(),
        "adaptive_kl": adaptive([2.0, 5.5, 6.0, 6.5, 9.0, 30.0, 0.0, 6.9], 256),
        "weights": {name: w.tolist() for name, w in weight.items()},
        "objective_inputs": {name: x.tolist() for name, x in inputs.items()},
        "objectives": {
            "ppo_clip": [{"weight": s[0], **ppo_clip(inputs, weight[s[0]], *s[1:])} for s in settings],
            "sft": {"weight": "token_mean", "total": sft.item(), "dlogp": torch.autograd.grad(sft, logp)[0].tolist()},
        },
    }
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(golden, indent=1) + "\n")
    parts = [(e["policy_loss"], e["value_loss"], e["clipfrac"], e["value_clipfrac"]) for e in golden["objectives"]["ppo_clip"]]
    print(parts, golden["explained_variance"])


if __name__ == "__main__":
    main()
