"""Writes metaspace.json and metaspace_cases.json beside it with Hugging Face's `tokenizers` (made with 0.23.3), after make_fixtures.py:

    python make_metaspace.py

metaspace.json is a small tokenizer as Llama 2's, trained on corpus.txt; metaspace_cases.json holds changes of its settings, as other
models have them, and what the library makes of texts with them.
"""
import json
import pathlib

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

here = pathlib.Path(__file__).parent
special = ["<unk>", "<s>", "</s>"]
codes = [f"<0x{byte:02X}>" for byte in range(256)]

tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
trainer = trainers.BpeTrainer(vocab_size=700, min_frequency=2, show_progress=False, special_tokens=special + codes)
corpus = "".join(c for c in (here / "corpus.txt").read_bytes().decode() if c < "\u00ff" and c >= " " or c == "\n")
tokenizer.train_from_iterator(corpus.split("\n"), trainer)
value = json.loads(tokenizer.to_str())
value["added_tokens"] = [token for token in value["added_tokens"] if token["content"] in special]
prepend = {"type": "Prepend", "prepend": "▁"}
replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
value["normalizer"] = {"type": "Sequence", "normalizers": [prepend, replace]}
value["pre_tokenizer"] = None
value["post_processor"] = {
    "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
value["decoder"] = {"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
(here / "metaspace.json").write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def metaspace(scheme, split):
    return {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}}


def added(**flags):
    return {"added_tokens": [{**token, **flags} for token in value["added_tokens"]]}


without = {key: number for key, number in value["model"]["vocab"].items() if key not in ("<0xE4>", "<0xC3>", "<0x00>")}
variants = [
    {}, metaspace("always", True), metaspace("always", False), metaspace("first", False), metaspace("never", True),
    {"normalizer": replace}, {"model": {**value["model"], "byte_fallback": False}},
    {"model": {**value["model"], "byte_fallback": False, "fuse_unk": False}},
    {"model": {**value["model"], "unk_token": None, "byte_fallback": False}}, {"model": {**value["model"], "vocab": without}},
    added(normalized=True), added(lstrip=True, rstrip=True), added(single_word=True),
]
texts = [case["text"] for case in json.loads((here / "cases.json").read_text()) if len(case["text"]) < 150][::8]
texts += ["", " ", "  a", "a ", "▁a▁▁b", "<s>", "x <s> y</s>\n z", "<s> </s>", "a<unk>b", " <s>", "a <s>\u3000</s>,<unk>_ <s>1 </s>\u0301 \u200d<s> \u00b2</s>\u2167", "ä中\0x ä", "<0x41>", "\U0001f44d \U0001f44d!"]
cases = []
for changes in variants:
    tokenizer = Tokenizer.from_str(json.dumps({**value, **changes}))
    # Only what differs from metaspace.json.
    if "model" in changes:
        removed = sorted(set(value["model"]["vocab"]) - set(changes["model"]["vocab"]))
        model = {key: item for key, item in changes["model"].items() if item != value["model"][key] and key != "vocab"}
        changes = {"model": model, "removed": removed}
    case = {"changes": changes}
    for key, parses in [("text", False), ("special", True)]:
        tokenizer.encode_special_tokens = not parses
        case[key] = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    case["decoded"] = [tokenizer.decode(ids, skip_special_tokens=True) for ids in case["text"]]
    cases.append(case)
(here / "metaspace_cases.json").write_text(
    json.dumps({"texts": texts, "cases": cases}, separators=(",", ":"), ensure_ascii=False) + "\n")
