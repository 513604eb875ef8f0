"""Writes the fixtures beside it with PyPI's sentencepiece (made with 0.2.3): python make_fixtures.py

Two small models with Llama 2's settings (byte-pair encoding with byte fallback, digits apart, nothing normalized) and as a
unigram model without bytes; cases.json holds what the library makes of texts, given as bytes, and of the way back.
"""
import json
import os
import pathlib
import random

import sentencepiece

here = pathlib.Path(__file__).resolve().parent
os.chdir(here)  # the models hold the paths that they were made with
common = dict(input="../tokenizers/corpus.txt", pad_id=-1, unk_id=0, bos_id=1, eos_id=2, minloglevel=2, num_threads=1,
              normalization_rule_name="identity", remove_extra_whitespaces=False, max_sentence_length=20000)
sentencepiece.SentencePieceTrainer.train(
    model_prefix="bpe", model_type="bpe", vocab_size=700, byte_fallback=True, split_digits=True,
    allow_whitespace_only_pieces=True, character_coverage=0.98, **common)
sentencepiece.SentencePieceTrainer.train(
    model_prefix="unigram", model_type="unigram", vocab_size=400, character_coverage=0.99,
    user_defined_symbols=["<tool>"], **common)
for name in ["bpe", "unigram"]:
    (here / f"{name}.vocab").unlink()

texts = {
    "empty": "", "space": " ", "newline": "\n", "nul": "a\0b", "word": "Hello", "leading space": " Hello",
    "prose": "The quick brown fox can't jump over the lazy dog's back; it's 1234567 o'clock!",
    "code": "def add(a, b):\n    \"\"\"Adds.\"\"\"\n\treturn a+b  # x\n\n\nfor i in range(100_000):\r\n        print(f'{i:>8}')\r\n",
    "spaces": "a" + " " * 300 + "b" + "\t" * 70 + "c \n \n\n  d   \n" + " " * 65 + "\n   ",
    "space kinds": "a\u00a0b\u3000\u3000c\u2003 d\u2028e\u0085f\x0bg\u200bh\ufeffi \u2581 \u2581\u2581j",
    "chinese": "我们训练了一个语言模型,它一次预测多个标记。", "japanese": "多トークン予測は、推論を速くします。が゙ か\u3099",
    "korean": "언어 모델은 다음 토큰을 예측합니다. \u1112\u1161\u11ab", "hindi": "मॉडल एक साथ चार टोकन १२३",
    "emoji": "👍🏽 👨‍👩‍👧‍👦 🇩🇪🇫🇷 ☕️ ❤️‍🔥 1️⃣", "combining": "e\u0301 a\u0308\u0323 Z\u0351\u036b \u212b \u0301start",
    "special": "<s>Hi</s><unk><tool> x<tool>y<0x41>", "long word": "a" * 1000 + "abcabcabc" * 100,
}
inputs = {name: text.encode() for name, text in texts.items()}
inputs["invalid"] = b"ok \xff\xfe \xe2\x82 \xf0\x9f\x98x\xc0\x80 \xed\xa0\x80tail\xf4\x90\x80\x80\xe2"
rng = random.Random(6)
pieces = ["a", "e\u0301", " ", "  ", "\n", "1", "中", "👍", "the", "ing", "\u2581", "é", "<", ">", "def "]
for index in range(100):
    inputs[f"random {index}"] = "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 30))).encode()
for index in range(100):
    inputs[f"random bytes {index}"] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 30)))

models = {name: sentencepiece.SentencePieceProcessor(model_file=str(here / f"{name}.model")) for name in ["bpe", "unigram"]}
cases = []
for name, data in inputs.items():
    case = {"name": name, "bytes": data.hex()}
    for model, processor in models.items():
        case[model] = processor.encode(data)
        case[model + " text"] = processor.decode(case[model]).encode().hex()
    cases.append(case)
(here / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
