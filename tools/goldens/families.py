"""Goldens of every model family: tiny random models run, differentiated and trained by transformers, peft and PyTorch.

    pip install torch transformers peft safetensors numpy
    python tools/goldens/families.py [NAME ...]     # rewrites src/model/goldens/<name>/ (all of them without a name)

Everything is seeded and runs on the CPU in float32; the schema is in src/model/goldens/README.md. Each config.json has
the keys, in the spelling, that the family's published models have; transformers reads it as it would read theirs. The
models are held to nothing of this project: transformers' own classes, peft's own LoRA and torch's own AdamW, one sequence
at a time, no padding.
"""

import json
import shutil
import sys

import torch
from common import GOLDENS, adamw_losses, as_sequences, draw_batch, gradients, greedy
from configs import CONFIGS, LORA
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

# Below are ids that some family treats apart in its embedding's gradient (padding).
LOWEST_TOKEN = 3
# A greedy continuation must name at least so many different tokens: tied models like to say one of them for ever.
DISTINCT = 5

LORA_RANK = 4
LORA_ALPHA = 8


def published(config, name):
    """A parameter's name in the family's files: transformers 5 calls GPT-NeoX's head otherwise than the Hub does."""
    return name.replace("lm_head.", "embed_out.") if config["model_type"] == "gpt_neox" else name


def scale_of(name, parameter):
    """Spread of a random parameter that leaves logits, attention and gradients far from uniform."""
    if parameter.dim() == 1:
        return 0.2
    if any(part in name for part in ("lm_head", "embed_tokens", "embed_in", "wte", "wpe", "embed_positions")):
        return 0.1
    conv1d = any(part in name for part in ("c_attn", "c_proj", "c_fc"))
    return 1.6 / parameter.shape[0 if conv1d else 1] ** 0.5


def centre_of(name, parameter, one_plus):
    """1 for a norm's weight (0 where the model adds the 1), and more for the last, to make up for small embeddings."""
    if parameter.dim() > 1 or name.endswith("bias"):
        return 0
    last = not any(part in name for part in (".layers.", ".h."))
    return (4 if last else 1) - one_plus


def randomize(model):
    generator = torch.Generator().manual_seed(20240108)
    one_plus = model.config.model_type.startswith("gemma3")
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(centre_of(name, parameter, one_plus) + scale_of(name, parameter) * noise)
    model.tie_weights()


def forward(model, batch):
    """Logits (N,V), log-prob (M) and entropy (M) of the completion tokens."""
    logits, logp, entropy = [], [], []
    for sequence in batch:
        tokens, prompt = sequence["tokens"], sequence["prompt"]
        scores = model(input_ids=tokens[None]).logits[0]
        log_probs = torch.log_softmax(scores[prompt - 1 : -1], dim=-1)
        logits.append(scores)
        logp.append(log_probs.gather(1, tokens[prompt:, None])[:, 0])
        entropy.append(-(log_probs.exp() * log_probs).sum(-1))
    return torch.cat(logits), torch.cat(logp), torch.cat(entropy)


def check_cache(model, golden):
    """transformers' own generation, over its key/value cache, says the same as repeated full forwards."""
    for run in golden["sequences"]:
        prompt = torch.tensor([run["prompt"]])
        count = golden["max_new_tokens"]
        out = model.generate(prompt, max_new_tokens=count, do_sample=False, attention_mask=torch.ones_like(prompt))
        assert out[0, prompt.shape[1] :].tolist() == run["completion"], "generate() disagrees"


def eos_of(config):
    eos = config["eos_token_id"]
    return eos if isinstance(eos, list) else [eos]


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


def write_model(name, config, folder):
    """config.json and model.safetensors, as transformers reads them back."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = AutoModelForCausalLM.from_config(
        AutoConfig.from_pretrained(folder), attn_implementation="eager", dtype=torch.float32
    )
    randomize(model.eval())
    weights = {published(config, key): parameter.detach().clone() for key, parameter in model.named_parameters()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    read = load(folder)
    batch = draw_batch(config["vocab_size"], seed=11, lowest=LOWEST_TOKEN)
    same = torch.allclose(forward(model, batch)[0], forward(read, batch)[0], rtol=0, atol=1e-5)
    assert same, f"{name}: read back, it says something else"
    # What save_pretrained writes: the same model in transformers 5's spelling.
    (folder / "config_resaved.json").write_text(read.config.to_json_string())


def write_family(name, config):
    folder = GOLDENS / name
    write_model(name, config, folder)
    model = load(folder)
    batch = draw_batch(config["vocab_size"], seed=11, lowest=LOWEST_TOKEN)
    logits, logp, entropy = forward(model, batch)
    loss = -logp.mean()
    loss.backward()
    named = {published(config, key): parameter for key, parameter in model.named_parameters()}
    arrays = {"logits": logits.detach().clone()}
    arrays |= {f"sft_gradient.{key}": gradient for key, gradient in gradients(named).items()}
    golden = {
        "sequences": as_sequences(batch),
        "logp": logp.tolist(),
        "entropy": entropy.tolist(),
        "sft": {"loss": loss.item()},
        "greedy": greedy(model, config["vocab_size"], eos_of(config), DISTINCT),
    }
    check_cache(model, golden["greedy"])
    golden["sft"]["adamw"] = adamw_losses(named, 0.1, lambda: -forward(model, batch)[1].mean(), 10)
    save_file(arrays, folder / "golden.safetensors")
    write_json(folder / "golden.json", golden)
    print(name, golden["sft"]["loss"], golden["sft"]["adamw"]["losses"], golden["greedy"]["smallest_margin"])


def write_lora(name, options):
    """golden/<name>/lora: an adapter as peft saves it, B far from zero, and what the model says and learns with it."""
    base = GOLDENS / name
    folder = base / "lora"
    shutil.rmtree(folder, ignore_errors=True)
    config = json.loads((base / "config.json").read_text())
    plain = load(base)
    batch = [
        {"tokens": torch.tensor(s["prompt"] + s["completion"]), "prompt": len(s["prompt"])}
        for s in json.loads((base / "golden.json").read_text())["sequences"]
    ]
    before = forward(plain, batch)[1].detach()
    settings = LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM", **options)
    model = get_peft_model(plain, settings).eval()
    named = {key.replace(".default", ""): p for key, p in model.named_parameters() if p.requires_grad}
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for key, parameter in sorted(named.items()):
            scale = parameter.shape[1] ** -0.5 if "lora_A" in key else 0.3
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    saved = load_file(folder / "adapter_model.safetensors")
    assert set(saved) == set(named), "peft saves other names"
    settings_file = folder / "adapter_config.json"
    adapter = json.loads(settings_file.read_text())
    write_json(settings_file, {**adapter, "base_model_name_or_path": None, "target_modules": sorted(adapter["target_modules"])})

    _, logp, _ = forward(model, batch)
    assert (logp - before).abs().max() > 0.1, "the adapter must change what the model says"
    loss = -logp.mean()
    loss.backward()
    golden = {
        "logp": logp.tolist(),
        "loss": loss.item(),
        "greedy": greedy(model, config["vocab_size"], eos_of(config), DISTINCT),
    }
    save_file(gradients(named), folder / "gradients.safetensors")
    golden["adamw"] = adamw_losses(named, 0.1, lambda: -forward(model, batch)[1].mean(), 10)
    write_json(folder / "golden.json", golden)
    print(name, "lora", golden["loss"], golden["adamw"]["losses"], golden["greedy"]["smallest_margin"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    chosen = sys.argv[1:] or sorted({*CONFIGS, *LORA})
    for name in chosen:
        if name in CONFIGS:
            write_family(name, dict(CONFIGS[name]))
        if name in LORA:
            write_lora(name, LORA[name])
