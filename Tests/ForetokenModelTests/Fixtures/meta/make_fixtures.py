"""Writes the synthetic checkpoints beside it with PyTorch (made with 2.13.0): python make_fixtures.py

`plain` is a dictionary of float32 tensors with three heads and grouped queries, some of its tensors views of larger ones;
`state` a state_dict() in bfloat16 with two heads; `tied` a float16 next-token model whose output is its embedding, with
rope.freqs. logits.json holds what reference.py makes of tokens.
"""
import json
import pathlib

import torch

from reference import Transformer

here = pathlib.Path(__file__).parent
tokens = [[3, 1, 4, 1, 5, 9, 2, 6], [5, 3, 5, 8, 9, 7, 9, 3]]
base = dict(dim=16, n_layers=4, n_heads=4, n_kv_heads=2, vocab_size=12, multiple_of=8, ffn_dim_multiplier=None,
            norm_eps=1e-5, n_future_tokens=3, rope_theta=10000.0)
cases = {
    "plain": base | {"vocab_size": -1},
    "state": base | dict(n_layers=3, n_future_tokens=2, n_kv_heads=None, ffn_dim_multiplier=0.7, rope_theta=500000.0, max_seq_len=64),
    "tied": base | dict(n_layers=2, n_future_tokens=1, n_heads=2, n_kv_heads=1),
}


def model(p):
    p = p | {"vocab_size": 12}
    model = Transformer(p)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, mean=1.0 if parameter.dim() == 1 else 0.0, std=0.3)
    return model


def weights(name, model):
    if name == "state":
        return model.to(torch.bfloat16).state_dict()
    plain = {key: tensor.detach() for key, tensor in model.state_dict().items()}
    if name == "tied":
        plain = {key: tensor.half() for key, tensor in plain.items()}
        plain["output.weight"] = plain["tok_embeddings.weight"]
        plain["rope.freqs"] = (1.0 / 10000.0 ** (torch.arange(0, 8, 2) / 8)).to(torch.bfloat16)
        return plain
    # As some tools save: queries and keys one below the other in one storage, a matrix by columns.
    joined = torch.cat([plain["layers.0.attention.wq.weight"], plain["layers.0.attention.wk.weight"]])
    plain["layers.0.attention.wq.weight"], plain["layers.0.attention.wk.weight"] = joined[:16], joined[16:]
    plain["layers.1.feed_forward.w2.weight"] = plain["layers.1.feed_forward.w2.weight"].t().contiguous().t()
    return plain


logits = {"tokens": tokens}
for seed, (name, p) in enumerate(cases.items()):
    torch.manual_seed(seed)
    folder = here / name
    folder.mkdir(exist_ok=True)
    saved = weights(name, model(p))
    torch.save(saved, folder / "consolidated.pth")
    (folder / "params.json").write_text(json.dumps(p) + "\n")
    saved = {key: tensor.float() for key, tensor in saved.items() if key != "rope.freqs"}
    reference = Transformer(p | {"vocab_size": 12})
    reference.load_state_dict(saved)
    # (batch, seq, heads, vocab) by heads.
    logits[name] = [head.flatten().tolist() for head in reference(torch.tensor(tokens)).unbind(2)]
(here / "logits.json").write_text(json.dumps(logits) + "\n")
