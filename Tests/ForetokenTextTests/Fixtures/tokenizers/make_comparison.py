"""Writes what Hugging Face's `tokenizers` (made with 0.23.3) makes of 10,000 texts, for tokenizers that are too large to commit:

    python make_comparison.py FOLDER [COUNT]

FOLDER holds tokenizer files, NAME.json each, or links to them. Beside them come texts.json and NAME.ids for
`FORETOKEN_TOKENIZERS=FOLDER swift test --filter LargeTokenizerTests`.
"""
import json
import pathlib
import random
import sys
import sysconfig

from tokenizers import Tokenizer

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


def main():
    tokenizers = {path.stem: Tokenizer.from_file(str(path)) for path in sorted(folder.glob("*.json")) if path.stem != "texts"}
    names = sorted({token.content for one in tokenizers.values() for token in one.get_added_tokens_decoder().values()})
    texts = ["", *(text(names or ["<s>"]) for _ in range(count - 1))]
    (folder / "texts.json").write_text(json.dumps(texts))
    for name, tokenizer in tokenizers.items():
        tokenizer.no_truncation()
        ids = {}
        for key, special in [("text", False), ("special", True)]:
            tokenizer.encode_special_tokens = not special
            ids[key] = [tokenizer.encode(one, add_special_tokens=False).ids for one in texts]
        tokenizer.encode_special_tokens = False
        ids["framed"] = tokenizer.encode("x").ids
        ids["x"] = tokenizer.encode("x", add_special_tokens=False).ids
        (folder / f"{name}.ids").write_text(json.dumps(ids, separators=(",", ":")))
        print(name, sum(map(len, ids["text"])), "tokens")


main()
