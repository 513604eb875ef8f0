"""Writes the fixtures beside it with Python's unicodedata (made with Unicode 14) and Hugging Face's `tokenizers` (0.23.3):

    python make_normalization.py

normalization.json:

`characters` holds every character that NFC changes, and what it becomes; `texts` random texts of characters that compose,
decompose or are reordered, and theirs. Hugging Face's normalizer (and so ours) knows Unicode 9 only: the test leaves
later characters out.

compositions.json: digests of what becomes of all pairs and triples of characters that compose somewhere, and of all Hangul at and
around the bounds of its ranges, in the order of the loops below; of Hugging Face's normalizer, after a comparison with unicodedata.
"""
import hashlib
import itertools
import json
import pathlib
import random
import unicodedata

from tokenizers import normalizers

here = pathlib.Path(__file__).parent
nfc = lambda text: unicodedata.normalize("NFC", text)
scalars = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c)) not in ("Cn", "Co")]
characters = [[c, nfc(c)] for c in scalars if nfc(c) != c]
marks = [c for c in scalars if unicodedata.combining(c)]
changing = [c for c in scalars if unicodedata.decomposition(c) and not unicodedata.decomposition(c).startswith("<")]
jamo = [chr(c) for c in [*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3), *range(0xAC00, 0xD7A4, 28)]]
tibetan = [chr(c) for c in range(0xF39, 0xF85) if unicodedata.combining(chr(c)) or unicodedata.decomposition(chr(c))]
parts = [c for d in changing for c in unicodedata.normalize("NFD", d)]
rng = random.Random(9)
texts = []
for kinds, count in [([marks, changing, parts], 400), ([jamo], 100), ([tibetan], 200), ([tibetan, marks, list("ab")], 100),
                     ([marks, parts, changing, jamo, scalars], 200)]:
    for _ in range(count):
        text = "".join(rng.choice(rng.choice(kinds)) for _ in range(rng.randrange(1, 9)))
        texts.append([text, nfc(text)])
(here / "normalization.json").write_text(json.dumps({"characters": characters, "texts": texts}, separators=(",", ":"), ensure_ascii=False) + "\n")

firsts, seconds = set(), set()
for c in scalars:
    mapping = unicodedata.decomposition(c)
    if mapping and not mapping.startswith("<") and " " in mapping:
        first, second = (chr(int(part, 16)) for part in mapping.split())
        firsts.add(first)
        seconds.add(second)
        firsts.add(c)
firsts, seconds = sorted(firsts | {"a", "\u1113", "\U0001f600"}), sorted(seconds | {"\u0334", "\u0345", "\u11a7"})
jamo = [range(0x10FF, 0x1115), range(0x115F, 0x1178), range(0x11A6, 0x11C5)]
kinds = {
    "pairs": lambda: map("".join, itertools.product(firsts, seconds)),
    "triples": lambda: (f + s + t for f, (i, s), t in itertools.product(firsts, enumerate(seconds), seconds) if (ord(f) + i) % 41 == 0),
    "jamo": lambda: ("".join(map(chr, three)) for three in itertools.product(*jamo)),
    "syllables": lambda: (chr(s) + chr(t) for s in range(0xABFF, 0xD7A5) for t in jamo[2]),
    "any": lambda: (chr(l) + chr(r) for l in range(0x10F8, 0x1208) for r in range(0x10F8, 0x1208)),
}
hf = normalizers.NFC().normalize_str
result = {"firsts": list(map(ord, firsts)), "seconds": list(map(ord, seconds))}
for name, texts in kinds.items():
    digest, count, newer = hashlib.sha256(), 0, set()
    for text in texts():
        if hf(text) != nfc(text):
            newer.add(text)
        digest.update(hf(text).encode() + b"\n")
        count += 1
    result[name] = {"count": count, "sha256": digest.hexdigest()}
    unlike = {c for text in newer for c in text if c in firsts or c in seconds}
    print(name, count, "of which", len(newer), "differ between the two, with", sorted(f"U+{ord(c):04X}" for c in unlike if ord(c) > 0x10000))
(here / "compositions.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
