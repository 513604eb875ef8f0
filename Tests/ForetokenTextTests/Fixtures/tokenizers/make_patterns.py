"""Writes patterns.json beside it with Hugging Face's `tokenizers` (made with 0.23.3), after make_fixtures.py:

    python make_patterns.py

It holds into how many bytes each word of the texts of cases.json is split by pre-tokenizers of many kinds, and SHA-256 sums of the
characters in the classes that patterns name.
"""
import hashlib
import json
import pathlib

from tokenizers import Regex, pre_tokenizers

here = pathlib.Path(__file__).parent
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()
CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
REST = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIGITS = {"type": "Digits", "individual_digits": True}
TEXTS = ["  don't STOP'LL 1234567 12\u00bd3456 \u00b2 x\u00b2y, \u043c\u0438\u0440 999!!! ... (555)\r\n\r\n 8th  \t",
         "x IMGIMGABCZ <sentinel:12>    y  z", "abababc aab AB xx xxx \u24d0\u0345 \U0001f44d\U0001f3fd \u180e e\u0301e \u200d_\u203f",
         " \n", "\n\n  \n", "a\n b \nc", "1234 12345 123456\n1,234 \u0663\u0664\u0665\u0666", "the  thith  hex txtx", "'ſ 'ST stop's'S 'ſa 'rE 'M x"]


def byte_level(use_regex=False, prefix=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": use_regex}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


CASES = {
    "falcon": sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(True), {"type": "Digits", "individual_digits": False},
                       split("[0-9][0-9][0-9]")),
    "bloom": sequence(split(" ?[^(\\s|[.,!?…。，、।۔،])]+"), byte_level()),
    "prefix": byte_level(True, True), "prefix without pattern": sequence(byte_level(False, True), DIGITS),
    "single digits": sequence(split(CONTRACTIONS + "|" + REST.replace("{1,3}", "{1}").replace("[^\\s\\p{L}\\p{N}]+[\\r\\n]*",
                                                                                        "[^\\s\\p{L}\\p{N}\r\n]+")), byte_level()),
    "possessive": sequence(split(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,2}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++"), byte_level()),
    "runs of spaces": sequence(split(CONTRACTIONS + "|" + REST.replace(
        r"|\s+(?!\S)|\s+", r"|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}")), byte_level()),
    "empty matches": sequence(split(r"\p{N}+"), split(r"(?=(\d{3})+(?!\d))"), byte_level()),
    "look-ahead": sequence(split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(r"\w+(?=\W)|\s+$"), byte_level()),
    "words with spaces": sequence(split(CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\s*[\r\n]|\s+(?!\S)"),
                                  byte_level()),
    "chameleon": sequence(split("<sentinel:[0-9]+>"), split("(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z"), split("([\\t\\n]|    |  )"), DIGITS,
                          {"type": "Punctuation", "behavior": "Isolated"}, byte_level(True)),
    "behaviours": sequence(split(r"\s+", "MergedWithNext"), split("[aeiou]", "MergedWithPrevious"), split("[0-9a-f]", "Contiguous", True),
                           split("th", kind="String"), byte_level()),
    "inverted": sequence(split(r"\w+", "Isolated", True), split(r"\b", "MergedWithNext"),
                         split("[a-m&&[^e-g]]+", "MergedWithPrevious", True), byte_level()),
    "anchors": sequence(split(r"(?>a|ab)c|^.|.$|\A\S+?(?=\s)|\W\z|\Bt\B|x{2,}|(?:ab){1,2}+|[\p{Lu}\p{^Ll}&&\p{L}]+|\x41|\u0042|\x{1F44D}"),
                        byte_level()),
    "lazy": sequence(split(r"[a-z]+?[aeiou]{1,2}|(?:\d\D)*?\d|\S*+.|e??t"), byte_level()),
    "nested": sequence(split(r"(?:(?:a|e|[io])+|t(?!h)|h(?=e)|(?:s|(?:th)+)*x|\r\n|\s(?=\S)){1,3}"), byte_level()),
    "all but matches removed": sequence(split(CONTRACTIONS + "|" + REST, "Removed", True), byte_level()),
}


def words(definition, texts):
    tokenizer = json.dumps({"version": "1.0", "added_tokens": [], "pre_tokenizer": definition, "model": {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
        "fuse_unk": False, "byte_fallback": False, "vocab": {}, "merges": []}})
    from tokenizers import Tokenizer
    splitter = Tokenizer.from_str(tokenizer).pre_tokenizer
    # A character of ByteLevel's alphabet for each byte.
    return [[len(piece) for piece, _ in splitter.pre_tokenize_str(text)] for text in texts]


def members(pre_tokenizer):
    """Which characters a pre-tokenizer splits off."""
    return [0 if 0xD800 <= c < 0xE000 else len(pre_tokenizer.pre_tokenize_str("\u2028" + chr(c))) == 2 for c in range(0x110000)]


def removed(pattern):
    one = pre_tokenizers.Split(Regex(pattern), "removed")
    return [0 if 0xD800 <= c < 0xE000 else not one.pre_tokenize_str(chr(c)) for c in range(0x110000)]


def digest(values):
    """SHA-256 of the runs of equal values: the first character and the value of each."""
    text = "".join(f"{c:X} {value}\n" for c, value in enumerate(values) if c == 0 or values[c - 1] != value)
    return hashlib.sha256(text.encode()).hexdigest()


def main():
    texts = [case["text"] for case in json.loads((here / "cases.json").read_text()) if len(case["text"]) < 200][::3] + TEXTS
    categories = [0] * 0x110000
    for number, name in enumerate(CATEGORIES, 1):
        for c, is_in in enumerate(removed(rf"\p{{{name}}}")):
            if is_in:
                categories[c] = number
    classes = {"categories": digest(categories)}
    for name, pattern in [("space", r"\s"), ("word", r"\w"), ("decimal", r"\d")]:
        classes[name] = digest([int(x) for x in removed(pattern)])
    for name, one in [("punctuation", pre_tokenizers.Punctuation("isolated")), ("digits", pre_tokenizers.Digits(True))]:
        classes[name] = digest([int(x) for x in members(one)])
    cases = [{"name": name, "pre_tokenizer": definition, "words": words(definition, texts)} for name, definition in CASES.items()]
    (here / "patterns.json").write_text(
        '{"texts":' + json.dumps(texts) + ',\n"classes":' + json.dumps(classes) + ',\n"cases":[\n'
        + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]}\n")


main()
