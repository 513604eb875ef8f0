"""Small random models of Hugging Face's dense families, each with the logits that transformers computes.

Run in this folder, with torch, transformers and safetensors:  python make_fixtures.py [NAME ...]
Made with transformers 5.24.0 and torch 2.13.0. The weights are scaled so that logits are of size 1 and every part of the
model matters; the logits are those of the stored (rounded) weights in float32.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

SIZES = dict(
    vocab_size=40, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)

MODELS = {
    "llama": (LlamaConfig(**SIZES, rope_theta=10000.0), torch.float32, "5GB"),
    "llama-bias-tied": (
        LlamaConfig(**SIZES, attention_bias=True, tie_word_embeddings=True), torch.bfloat16, "5GB"),
    "llama-3": (
        LlamaConfig(**{**SIZES, "eos_token_id": [2, 3]}, head_dim=8, rope_theta=500.0, rope_scaling=LLAMA3),
        torch.float16, "20KB"),
    "mistral": (MistralConfig(**SIZES, head_dim=10, sliding_window=None), torch.float32, "5GB"),
    "mistral-wide-window": (MistralConfig(**SIZES, sliding_window=64), torch.bfloat16, "5GB"),
    "qwen2": (Qwen2Config(**SIZES, tie_word_embeddings=True, sliding_window=8), torch.bfloat16, "5GB"),
    "qwen2-untied": (Qwen2Config(**{**SIZES, "num_key_value_heads": 4}), torch.float32, "20KB"),
    "qwen3": (Qwen3Config(**SIZES, head_dim=16, rope_theta=1e6), torch.float32, "20KB"),
    "qwen3-bias": (Qwen3Config(**SIZES, head_dim=6, attention_bias=True), torch.float16, "5GB"),
    "llama-mlp-bias": (LlamaConfig(**SIZES, mlp_bias=True, attention_bias=True), torch.float32, "5GB"),
    "llama-linear": (LlamaConfig(**SIZES, rope_scaling=dict(rope_type="linear", factor=3.0)), torch.float32, "5GB"),
    "llama-dynamic": (LlamaConfig(**SIZES, rope_scaling=dict(rope_type="dynamic", factor=3.0)), torch.float32, "5GB"),
    "qwen3-yarn": (Qwen3Config(**SIZES, head_dim=16, rope_theta=100.0, rope_scaling=dict(YARN)), torch.float32, "5GB"),
    "llama-yarn": (
        LlamaConfig(
            **SIZES, head_dim=20, rope_theta=50.0,
            rope_scaling=dict(
                **YARN, beta_fast=8, beta_slow=2, mscale=1.0, mscale_all_dim=0.5, truncate=False)), torch.bfloat16, "5GB"),
    "mistral-window": (MistralConfig(**SIZES, sliding_window=7), torch.float32, "5GB"),
    "qwen2-window": (
        Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=5, max_window_layers=1), torch.float32, "5GB"),
    "qwen3-window": (
        Qwen3Config(**SIZES, head_dim=6, use_sliding_window=True, sliding_window=17, max_window_layers=2),
        torch.bfloat16, "5GB"),
}


def old_style(folder):
    """The keys of transformers 4, which most published checkpoints have."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
    config["torch_dtype"] = config.pop("dtype")
    path.write_text(json.dumps(config, indent=2) + "\n")


for seed, (name, (config, dtype, shard)) in enumerate(MODELS.items()):
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    torch.manual_seed(seed)
    folder = Path(name)
    shutil.rmtree(folder, ignore_errors=True)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if weight.ndim == 2:
                weight.normal_(0, weight.shape[1] ** -0.5)
            elif key.endswith("bias"):
                weight.normal_(0, 0.5)
            else:
                weight.normal_(1, 0.3)
    model = model.to(dtype)
    model.save_pretrained(folder, max_shard_size=shard)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if name in ("llama-3", "qwen2", "mistral", "llama-linear", "llama-yarn", "mistral-window", "qwen2-window"):
        old_style(folder)
    # Read again: .to(dtype) rounded the rotary frequencies too, which no checkpoint holds.
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokens = torch.randint(0, config.vocab_size, (1, 48))
    with torch.no_grad():
        logits = model(tokens).logits[0]
    print(name, sorted(p.name for p in folder.iterdir()), float(logits.abs().max()))
    save_file({"tokens": tokens[0], "logits": logits.contiguous()}, folder / "expected.safetensors")
