"""Small models with a multi-token prediction layer in MiMo-7B's form, each with what plain PyTorch computes with it.

Run in this folder, with torch, transformers and safetensors:  python make_fixtures.py [NAME ...]
Made with torch 2.13.0 and transformers 5.24.0. Nothing here comes from Foretoken. The forward pass below is written from the
published code: `modeling_mimo.py` of XiaomiMiMo/MiMo-7B-Base (MiMoMTPLayers: token_layernorm of the next token's embedding,
hidden_layernorm of the hidden state before the model's norm, input_proj of [hidden, token], a block, final_layernorm) and vLLM's
mimo.py and mimo_mtp.py (which hidden state enters, the shared lm_head, positions). The model itself is checked against
transformers' classes.

The models learn a Markov chain for a moment, so that the layer's drafts are right often and wrong often. Files of each folder:
config.json and safetensors as published, and expected.safetensors with
    tokens [T], logits [T, V], mtp_logits [T - 1, V] (row t: of token t + 2, given tokens up to t + 1)
    prompt [P], greedy [G] (the most likely continuation), drafts [G] (the layer's choice for each token of greedy, -1 for the
    first, which it cannot draft)
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

SIZES = dict(
    vocab_size=48, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=96, rms_norm_eps=1e-5, hidden_act="silu")
MIMO = dict(  # the keys of the released config.json
    architectures=["MiMoForCausalLM"], tokenizer_class=["Qwen2Tokenizer"],
    auto_map={"AutoConfig": "configuration_mimo.MiMoConfig", "AutoModelForCausalLM": "modeling_mimo.MiMoForCausalLM"},
    attention_dropout=0.0, initializer_range=0.02, max_window_layers=32, model_type="mimo", sliding_window=96,
    transformers_version="4.40.1", use_cache=True, use_mrope=False, use_sliding_window=False, attention_bias=True)
MODELS = {
    "mimo": (
        dict(**SIZES, **MIMO, head_dim=8, rope_theta=640000, tie_word_embeddings=False, torch_dtype="float32"),
        torch.float32, Qwen2Config, Qwen2ForCausalLM),
    "mimo-tied": (
        dict(**SIZES, **MIMO, rope_theta=500, tie_word_embeddings=True, torch_dtype="bfloat16"), torch.bfloat16,
        Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (
        dict(**SIZES, architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=10, rope_theta=1000,
             tie_word_embeddings=False, torch_dtype="float32"), torch.float32, Qwen3Config, Qwen3ForCausalLM),
    "llama": (
        dict(**SIZES, architectures=["LlamaForCausalLM"], model_type="llama", rope_theta=10000, tie_word_embeddings=True,
             torch_dtype="float32"), torch.float32, LlamaConfig, LlamaForCausalLM),
}


def block_shapes(c):
    head = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    width, inner = c["hidden_size"], c["intermediate_size"]
    queries, keys = head * c["num_attention_heads"], head * c["num_key_value_heads"]
    shapes = {
        "input_layernorm.weight": [width], "post_attention_layernorm.weight": [width],
        "self_attn.q_proj.weight": [queries, width], "self_attn.k_proj.weight": [keys, width],
        "self_attn.v_proj.weight": [keys, width], "self_attn.o_proj.weight": [width, queries],
        "mlp.gate_proj.weight": [inner, width], "mlp.up_proj.weight": [inner, width],
        "mlp.down_proj.weight": [width, inner],
    }
    if c["model_type"] == "mimo":
        shapes |= {"self_attn.q_proj.bias": [queries], "self_attn.k_proj.bias": [keys], "self_attn.v_proj.bias": [keys]}
    if c["model_type"] == "qwen3":
        shapes |= {"self_attn.q_norm.weight": [head], "self_attn.k_norm.weight": [head]}
    return shapes


def all_shapes(c):
    width, vocabulary = c["hidden_size"], c["vocab_size"]
    shapes = {"model.embed_tokens.weight": [vocabulary, width], "model.norm.weight": [width]}
    if not c["tie_word_embeddings"]:
        shapes["lm_head.weight"] = [vocabulary, width]
    for layer in [f"model.layers.{i}" for i in range(c["num_hidden_layers"])] + ["model.mtp_layers.0"]:
        shapes |= {f"{layer}.{name}": shape for name, shape in block_shapes(c).items()}
    for name in ["token_layernorm", "hidden_layernorm", "final_layernorm"]:
        shapes[f"model.mtp_layers.0.{name}.weight"] = [width]
    shapes["model.mtp_layers.0.input_proj.weight"] = [width, 2 * width]
    return shapes


def rms(c, x, scale):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + c["rms_norm_eps"]) * scale


def rope(x, base):
    """x [B, heads, T, d]: element j turns with element j + d/2."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[2])[:, None] * base ** (-torch.arange(half, dtype=torch.float32) / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()], -1)


def block(c, w, layer, x):
    def p(name):
        return w[f"{layer}.{name}.weight"], w.get(f"{layer}.{name}.bias")

    def heads(y, name):
        y = y.unflatten(-1, (-1, head)).transpose(1, 2)
        norm = w.get(f"{layer}.self_attn.{name}_norm.weight")
        return y if norm is None else rms(c, y, norm)

    head = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    y = rms(c, x, w[f"{layer}.input_layernorm.weight"])
    q = rope(heads(F.linear(y, *p("self_attn.q_proj")), "q"), c["rope_theta"])
    k = rope(heads(F.linear(y, *p("self_attn.k_proj")), "k"), c["rope_theta"])
    v = heads(F.linear(y, *p("self_attn.v_proj")), "v")
    groups = c["num_attention_heads"] // c["num_key_value_heads"]
    k, v = k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1)
    scores = q @ k.transpose(-1, -2) / head ** 0.5
    scores = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), float("-inf"))
    x = x + F.linear((scores.softmax(-1) @ v).transpose(1, 2).flatten(2), *p("self_attn.o_proj"))
    y = rms(c, x, w[f"{layer}.post_attention_layernorm.weight"])
    return x + F.linear(F.silu(F.linear(y, *p("mlp.gate_proj"))) * F.linear(y, *p("mlp.up_proj")), *p("mlp.down_proj"))


def forward(c, w, tokens):
    """Logits of the model [B, T, V] and of its layer [B, T - 1, V] for tokens [B, T]."""
    embedded = w["model.embed_tokens.weight"][tokens]
    x = embedded
    for i in range(c["num_hidden_layers"]):
        x = block(c, w, f"model.layers.{i}", x)
    unembedding = w.get("lm_head.weight", w["model.embed_tokens.weight"])
    logits = F.linear(rms(c, x, w["model.norm.weight"]), unembedding)
    layer = "model.mtp_layers.0"
    hidden = rms(c, x[:, :-1], w[f"{layer}.hidden_layernorm.weight"])
    token = rms(c, embedded[:, 1:], w[f"{layer}.token_layernorm.weight"])
    y = F.linear(torch.cat([hidden, token], -1), w[f"{layer}.input_proj.weight"])
    y = rms(c, block(c, w, layer, y), w[f"{layer}.final_layernorm.weight"])
    return logits, F.linear(y, unembedding)


def text(count, length, vocabulary, generator):
    """Of each token the successor is one that depends on the last two; in a quarter of the cases it is any."""
    rows = [torch.randint(0, vocabulary, (count,), generator=generator) for _ in range(2)]
    while len(rows) < length:
        usual = (3 * rows[-1] + 5 * (rows[-2] % 4) + 7) % vocabulary
        other = torch.randint(0, vocabulary, (count,), generator=generator)
        rows.append(torch.where(torch.rand(count, generator=generator) < 0.75, usual, other))
    return torch.stack(rows, 1)


def trained(c, generator):
    w = {}
    for name, shape in all_shapes(c).items():
        noise = torch.randn(shape, generator=generator)
        scale = 0.3 * noise if name.endswith("bias") else 1 + 0.3 * noise
        w[name] = (noise * shape[1] ** -0.5 if len(shape) == 2 else scale).requires_grad_()
    optimizer = torch.optim.AdamW(w.values(), lr=4e-3, weight_decay=0)
    for _ in range(40):
        tokens = text(16, 40, c["vocab_size"], generator)
        logits, next_logits = forward(c, w, tokens)
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
        loss = loss + F.cross_entropy(next_logits[:, :-1].flatten(0, 1), tokens[:, 2:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: tensor.detach() for name, tensor in w.items()}


def sure(logits):
    """The most likely token, which no rounding changes."""
    top = logits.topk(2).values
    assert top[0] - top[1] > 1e-3, "two tokens are as likely: take another seed"
    return int(logits.argmax())


for seed, (name, (config, dtype, config_class, model_class)) in enumerate(MODELS.items()):
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    generator = torch.Generator().manual_seed(seed)
    folder = Path(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    weights = {key: tensor.to(dtype).contiguous() for key, tensor in trained(config, generator).items()}
    (folder / "config.json").write_text(json.dumps({**config, "num_nextn_predict_layers": 1}, indent=2) + "\n")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    w = {key: tensor.float() for key, tensor in load_file(folder / "model.safetensors").items()}
    tokens = text(1, 40, config["vocab_size"], generator)
    with torch.no_grad():
        logits, mtp_logits = forward(config, w, tokens)
        # The model without its layer is transformers' own.
        theirs = model_class(config_class(**{k: v for k, v in config.items() if k not in ("model_type", "auto_map")})).eval()
        missing, unexpected = theirs.load_state_dict(w, strict=False)
        assert set(missing) <= {"lm_head.weight"} and all("mtp_layers" in key for key in unexpected)
        theirs.tie_weights()
        gap = (theirs(tokens).logits - logits).abs().max()
        assert gap < 2e-5, gap
        prompt = text(1, 6, config["vocab_size"], generator)
        known, drafts = prompt, [-1]
        for _ in range(48):
            logits_now, mtp_now = forward(config, w, known)
            if known.shape[1] > prompt.shape[1]:
                drafts.append(sure(mtp_now[0, -1]))
            known = torch.cat([known, torch.tensor([[sure(logits_now[0, -1])]])], 1)
    greedy = known[0, prompt.shape[1]:]
    right = sum(int(a) == b for a, b in zip(greedy, drafts))
    print(f"{name}: largest logit {logits.abs().max():.2f}, {gap:.1e} from transformers, {right} of 47 drafts right")
    assert 5 < right < 45
    save_file(
        dict(tokens=tokens[0], logits=logits[0].contiguous(), mtp_logits=mtp_logits[0].contiguous(), prompt=prompt[0],
             greedy=greedy.contiguous(), drafts=torch.tensor(drafts)), folder / "expected.safetensors")
