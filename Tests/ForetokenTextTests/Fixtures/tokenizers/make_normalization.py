"""Writes normalization.json beside it with Python's unicodedata (made with Unicode 14): python make_normalization.py

`characters` holds every character that NFC changes, and what it becomes; `texts` random texts of characters that compose,
decompose or are reordered, and theirs. Hugging Face's normalizer (and so ours) knows Unicode 9 only: the test leaves
later characters out.
"""
import json
import pathlib
import random
import unicodedata

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
