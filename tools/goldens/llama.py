"""Goldens of the model: tiny random Llama models run, differentiated and trained by transformers and PyTorch.

    pip install torch transformers safetensors numpy
    python tools/goldens/llama.py            # rewrites src/model/goldens/<name>/

Everything is seeded and runs on the CPU in float32; the schema is in src/model/goldens/README.md. The models are held to
nothing of this project: transformers' own LlamaForCausalLM and torch's own AdamW, one sequence at a time, no padding.
"""

import json

import torch
from common import GOLDENS, SPLITS, adamw_losses, as_sequences, draw_batch, gradients, greedy
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

COMMON = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "initializer_range": 0.02,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "max_position_embeddings": 128,
    "use_cache": True,
}

# The first folder writes its RoPE as transformers 5 does, the second as every release before it did.
CONFIGS = {
    "llama_gqa_untied": {
        **COMMON,
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "intermediate_size": 44,
        "vocab_size": 101,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": False,
        "dtype": "float32",
    },
    "llama_mqa_tied": {
        **COMMON,
        "hidden_size": 24,
        "num_hidden_layers": 1,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "intermediate_size": 20,
        "vocab_size": 64,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000.0,
        "rope_scaling": None,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    },
}


def build(name, config):
    """A model with weights large enough that logits, attention and gradients are far from uniform."""
    model = LlamaForCausalLM._from_config(LlamaConfig.from_dict(config), attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(20240108)
    with torch.no_grad():
        for parameter_name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                parameter.copy_(1 + 0.2 * noise)
            elif "embed_tokens" in parameter_name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(noise * 1.2 / parameter.shape[1] ** 0.5)
    model.tie_weights()
    theta = config["rope_theta"] if "rope_theta" in config else config["rope_parameters"]["rope_theta"]
    expected = theta ** -(torch.arange(0, config["head_dim"], 2) / config["head_dim"])
    assert torch.allclose(model.model.rotary_emb.inv_freq, expected), f"{name}: rope_theta was not understood"
    return model


def forward(model, batch):
    """Logits (N,V), and for the M completion tokens: final normed hidden (M,C), log-prob (M) and entropy (M)."""
    logits, hidden, logp, entropy = [], [], [], []
    for sequence in batch:
        tokens, prompt = sequence["tokens"], sequence["prompt"]
        out = model.model(input_ids=tokens[None])
        normed = out.last_hidden_state[0]
        scores = model.lm_head(normed)
        log_probs = torch.log_softmax(scores[prompt - 1 : -1], dim=-1)
        logits.append(scores)
        hidden.append(normed[prompt - 1 : -1])
        logp.append(log_probs.gather(1, tokens[prompt:, None])[:, 0])
        entropy.append(-(log_probs.exp() * log_probs).sum(-1))
    return torch.cat(logits), torch.cat(hidden), torch.cat(logp), torch.cat(entropy)


def ppo_constants(logp, value):
    """Fixed rollout constants around the present policy, so that tokens fall on both sides of both clips."""
    generator = torch.Generator().manual_seed(7)
    count = logp.shape[0]
    noise = lambda scale: scale * torch.randn(count, generator=generator)
    lengths = [completion for _, completion in SPLITS if completion]
    weight = torch.cat([torch.full((n,), 1 / (n * len(lengths))) for n in lengths])
    return {
        "logp_old": logp + noise(0.3),
        "advantage": noise(1.0),
        "return": value + noise(0.5),
        "value_old": value + noise(0.3),
        "weight": weight,
    }


PPO = {"cliprange": 0.2, "cliprange_value": 0.2, "vf_coef": 5.0}


def ppo_loss(logp, value, constants):
    """Policy and value loss, each averaged within a sequence and then over sequences; total = policy + 5 value."""
    ratio = torch.exp(logp - constants["logp_old"])
    advantage, weight = constants["advantage"], constants["weight"]
    clipped = ratio.clamp(1 - PPO["cliprange"], 1 + PPO["cliprange"])
    policy = (weight * torch.max(-advantage * ratio, -advantage * clipped)).sum()
    old = constants["value_old"]
    near = old + (value - old).clamp(-PPO["cliprange_value"], PPO["cliprange_value"])
    error, near_error = (value - constants["return"]) ** 2, (near - constants["return"]) ** 2
    value_loss = (weight * 0.5 * torch.max(error, near_error)).sum()
    return policy, value_loss, policy + PPO["vf_coef"] * value_loss


def ppo_golden(model, batch, config, folder):
    generator = torch.Generator().manual_seed(3)
    head = torch.nn.Linear(config["hidden_size"], 1)
    with torch.no_grad():
        head.weight.copy_(0.3 * torch.randn(head.weight.shape, generator=generator))
        head.bias.fill_(0.1)
    save_file({"weight": head.weight.detach().clone(), "bias": head.bias.detach().clone()}, folder / "value_head.safetensors")
    named = {**dict(model.named_parameters()), "v_head.weight": head.weight, "v_head.bias": head.bias}

    def run():
        _, hidden, logp, _ = forward(model, batch)
        return logp, head(hidden)[:, 0]

    logp, value = run()
    constants = {name: tensor.detach() for name, tensor in ppo_constants(logp, value).items()}
    model.zero_grad()
    policy, value_loss, total = ppo_loss(logp, value, constants)
    total.backward()
    arrays = {f"ppo_gradient.{name}": gradient for name, gradient in gradients(named).items()}
    ratio = torch.exp(logp.detach() - constants["logp_old"])
    beyond = ((ratio - 1).abs() > PPO["cliprange"]).sum()
    assert 0 < beyond < ratio.numel(), "the golden must hold clipped and unclipped tokens"
    golden = {
        **PPO,
        **{name: tensor.tolist() for name, tensor in constants.items()},
        "value": value.tolist(),
        "policy_loss": policy.item(),
        "value_loss": value_loss.item(),
        "total_loss": total.item(),
        "adamw": adamw_losses(named, 0.0, lambda: ppo_loss(*run(), constants)[2], 3),
    }
    return golden, arrays


def write(name, config):
    folder = GOLDENS / name
    folder.mkdir(parents=True, exist_ok=True)
    model = build(name, config)
    weights = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    if config["tie_word_embeddings"]:
        weights.pop("lm_head.weight", None)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    batch = draw_batch(config["vocab_size"], seed=11)
    logits, _, logp, entropy = forward(model, batch)
    loss = -logp.mean()
    model.zero_grad()
    loss.backward()
    named = dict(model.named_parameters())
    arrays = {"logits": logits.detach().clone()}
    arrays |= {f"sft_gradient.{key}": gradient for key, gradient in gradients(named).items()}
    golden = {
        "sequences": as_sequences(batch),
        "logp": logp.tolist(),
        "entropy": entropy.tolist(),
        "sft": {"loss": loss.item()},
        "greedy": greedy(model, config["vocab_size"], [config["eos_token_id"]]),
    }
    if name == "llama_gqa_untied":
        golden["ppo"], ppo_arrays = ppo_golden(model, batch, config, folder)
        arrays |= ppo_arrays
        model.load_state_dict(weights)
    golden["sft"]["adamw"] = adamw_losses(named, 0.1, lambda: -forward(model, batch)[2].mean(), 10)
    save_file(arrays, folder / "golden.safetensors")
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    print(name, golden["sft"]["loss"], golden["sft"]["adamw"]["losses"], golden["greedy"]["smallest_margin"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    for config_name, model_config in CONFIGS.items():
        write(config_name, dict(model_config))
