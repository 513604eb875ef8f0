"""Writes the fixtures beside it with Hugging Face's `tokenizers` (made with 0.23.3): python make_fixtures.py

The released files of GPT-2, Llama 3 and Qwen cannot be committed; these tokenizers are trained here on corpus.txt in each
family's configuration, and cases.json holds what the library makes of every text.
"""
import json
import pathlib
import random
import unicodedata

from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

here = pathlib.Path(__file__).parent
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

texts = {
    "empty": "", "space": " ", "newline": "\n",
    "prose": "The quick brown fox can't jump over the lazy dog's back; they'LL see, I'VE said so. It's 1234567 o'clock!",
    "code": "def add(a, b):\n    \"\"\"Adds.\"\"\"\n\treturn a+b  # x\n\n\nfor i in range(100_000):\r\n        print(f'{i:>8}')\r\n\r\n",
    "spaces": "a" + " " * 300 + "b" + "\t" * 70 + "c \n \n\n  d   \n" + " " * 65 + "\n   ",
    "space kinds": "a\u00a0b\u3000\u3000c\u2003 d\u2028e\u0085f\x0bg\x0ch\x1ci\u200bj\ufeffk",
    "chinese": "我们训练了一个语言模型,它一次预测多个标记。第12章:加速3倍!",
    "japanese": "多トークン予測は、推論を速くします。カタカナとひらがな、ﾊﾝｶｸ。が゙ か\u3099",
    "korean": "언어 모델은 다음 토큰을 예측합니다. \u1112\u1161\u11ab\u1100\u1173\u11af",
    "cyrillic": "Модель предсказывает четыре токена сразу; и\u0306 й ё е\u0308",
    "arabic": "النموذج يتنبأ بأربعة رموز في آن واحد ١٢٣ مُحَمَّد",
    "hindi": "मॉडल एक साथ चार टोकन की भविष्यवाणी करता है १२३ क\u093c \u0958",
    "thai": "แบบจำลองทำนายสี่โทเค็นพร้อมกัน",
    "vietnamese": "Mô hình dự đoán bốn từ; " + unicodedata.normalize("NFD", "Mô hình dự đoán bốn từ"),
    "emoji": "👍🏽 👨‍👩‍👧‍👦 🇩🇪🇫🇷 ☕️ ❤️‍🔥 1️⃣ 🤖🤖🤖",
    "combining": "e\u0301 a\u0308\u0323 Z\u0351\u036b\u0343a\u0340l\u0321g\u0328o\u0337 \u212b \u2126 \u0344 \u0301start q\u0307\u0323",
    "numbers": "1 12 123 1234 12345678 ٣٤٥٦ Ⅷ ½ ² ①②③④ 3.14e-10 0xFF",
    "punctuation": "!!! ... ?!\n--\n\n===   ===\r\n«x» “y” ‘z’ 'quoted' ''''s 's'S'\u017f 'T 'll'LL'Ll 're'rE 'Vé '",
    "long word": "a" * 1000 + "abcabcabc" * 100 + "ba" * 333,
    "replacement": b"ok \xff\xfe \xe2\x82 \xf0\x9f\x98x\xc0\x80 \xed\xa0\x80tail\xe2".decode(errors="replace"),
    "special": "<|begin_of_text|>Hi<|end_of_text|><|endoftext|><|im_start|>user\n<|im_end|><tool> x<tool><|end<|endoftext|",
    "new letters": "\u1c89x \ua7cby \U00010d40\U00010d411 \U0001c800",
}
# Not in corpus.txt.
texts_apart = {
    "digits": "a1 2  34\n5 x²y ٣٤ 1st  \n 6\t7 it's 8'll 9 \U00011de0\U00016ff4 \U00011de1x",
    "rare bytes": "a\0b\x01\x02 c\x05\x06\x07\x08\x0e d\x17\x19 é\u00f1 \u1000\u13a0 \ufffe x\0\0y",
}
alphabets = {
    "ascii": [chr(c) for c in range(128)],
    "spacing": list(" \t\n\r\u00a0\u3000'sStTlLrRevEV1.a\u017f"),
    "latin": [chr(c) for c in range(0xC0, 0x250)] + [chr(c) for c in range(0x300, 0x345)] + list("aeiou "),
    "any": None,
}


def scalar(rng):
    while True:
        c = rng.randrange(0x30000) if rng.random() < 0.9 else rng.randrange(0x110000)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def random_texts():
    rng = random.Random(6)
    for name, alphabet in alphabets.items():
        for index in range(30):
            length = rng.randrange(1, 40)
            yield f"random {name} {index}", "".join(
                rng.choice(alphabet) if alphabet else scalar(rng) for _ in range(length))


def train(pre_tokenizer, normalizer, special, first=(), without=(), **model):
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=700, min_frequency=2, show_progress=False, special_tokens=list(first),
        initial_alphabet=sorted(set(pre_tokenizers.ByteLevel.alphabet()) - {byte_level(byte) for byte in without}))
    # As one document: `train` would read lines, and no word could go on after a line break.
    tokenizer.train_from_iterator([(here / "corpus.txt").read_bytes().decode()], trainer)
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in special])
    return tokenizer


def byte_level(byte):
    """GPT-2's character for a byte."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return chr(byte if byte in printable else 0x100 + [b for b in range(256) if b not in printable].index(byte))


def split(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def save(tokenizer, name, change=lambda value: None):
    value = json.loads(tokenizer.to_str())
    change(value)
    (here / f"{name}.json").write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    return Tokenizer.from_file(str(here / f"{name}.json"))


def ranges(numbers):
    result = []
    for number in sorted(numbers):
        if result and result[-1][1] == number - 1:
            result[-1][1] = number
        else:
            result.append([number, number])
    return result


def main():
    licence = (here / "../../../../LICENSE").resolve().read_text()
    (here / "corpus.txt").write_text(licence + "\n".join(texts.values()), newline="")
    gpt2 = train(pre_tokenizers.ByteLevel(add_prefix_space=False), None, ["<|endoftext|>"])

    def old(value):  # as GPT-2's own file: merges as strings, no ignore_merges
        value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
        del value["model"]["ignore_merges"]
        value["model"]["continuing_subword_prefix"] = value["model"]["end_of_word_suffix"] = ""

    llama3 = train(split(LLAMA3), None, ["<|begin_of_text|>", "<|end_of_text|>"], ignore_merges=True)

    llama3.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            "<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", [("<|begin_of_text|>", 700)])])

    def whole(value):  # tokens that merges cannot reach, as Llama 3 has: only ignore_merges finds them
        del value["model"]["merges"][300::5]
        kept = set(value["model"]["vocab"])
        value["model"]["merges"] = [m for m in value["model"]["merges"] if "".join(m) in kept]

    qwen2 = train(split(QWEN2), normalizers.NFC(), ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    qwen2.add_tokens([AddedToken("<tool>", normalized=False, special=False), AddedToken("dự", special=False)])
    # As SmolLM2's: special tokens first, and no tokens for 21 of the 256 bytes.
    smollm = train(
        pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]),
        None, [], ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        [0x4, 0x6, 0x13, 0x14, 0x16, 0x1D, 0xC0, 0xC1, 0xF1, 0xF2, *range(0xF5, 0x100)])
    families = {"gpt2": save(gpt2, "gpt2", old), "llama3": save(llama3, "llama3", whole), "qwen2": save(qwen2, "qwen2"),
                "smollm": save(smollm, "smollm")}

    cases = []
    for name, text in [*texts.items(), *texts_apart.items(), *random_texts()]:
        case = {"name": name, "text": text}
        for family, tokenizer in families.items():
            for mode, special in [("", False), ("+special", True)]:
                tokenizer.encode_special_tokens = not special
                ids = tokenizer.encode(text, add_special_tokens=False).ids
                if not special or ids != case[family]:
                    case[family + mode] = ids
        cases.append(case)
    (here / "cases.json").write_text(
        "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")

    # Bytes without a token, with and without an unknown token.
    unknown = []
    for token, fuse in [(None, False), ("<|endoftext|>", False), ("<|endoftext|>", True), ("a", True)]:
        value = json.loads((here / "smollm.json").read_text())
        value["model"]["unk_token"], value["model"]["fuse_unk"] = token, fuse
        tokenizer = Tokenizer.from_str(json.dumps(value))
        for text in ["\x04", "a\x04b", "\x04\x06\x06", "th\x04e the\x06\x13 \U00087c3a", "\U0010ffff\x1dx", "\U00041414", "aa\x04a"]:
            unknown.append({"unk_token": token, "fuse_unk": fuse, "text": text, "ids": tokenizer.encode(text).ids})
    (here / "unknown.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in unknown) + "\n]\n")

    scalars = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    classes = {}
    for name, pattern in [("letter", r"\p{L}"), ("number", r"\p{N}"), ("space", r"\s")]:
        remove = pre_tokenizers.Split(Regex(pattern), "removed")
        classes[name] = ranges(c for c in scalars if not remove.pre_tokenize_str(chr(c)))
    (here / "classes.json").write_text(json.dumps(classes, separators=(",", ":")) + "\n")

    nfc = normalizers.NFC().normalize_str
    changes = []
    for c in scalars:
        apart = unicodedata.normalize("NFD", chr(c))
        for text in sorted({chr(c), apart, apart + "\u0323"}):
            if 0xAC00 <= c < 0xD7A4 and c % 97:  # Hangul is arithmetic: some of it is enough
                continue
            if nfc(text) != text:
                changes.append([text, nfc(text)])
    # Which combining characters the library knows: it moves U+0334, of class 1, before them.
    for c in scalars:
        if unicodedata.combining(chr(c)) > 1:
            changes.append([f"x{chr(c)}\u0334", nfc(f"x{chr(c)}\u0334")])
    (here / "composition.json").write_text(json.dumps(changes, separators=(",", ":")) + "\n")


main()
