"""Writes the fixtures of this folder.

    python3 -m venv /tmp/text && /tmp/text/bin/pip install rouge-score==0.1.2 nltk==3.10.4
    /tmp/text/bin/python make.py

The texts are made here, by a seeded generator; every expected value is computed by the packages, or by Python's own `re` with
the patterns that the benchmarks' evaluators have.
"""

import json
import pathlib
import random
import re
import string

from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer

here = pathlib.Path(__file__).parent
kinds = ["rouge1", "rouge2", "rouge3", "rougeL", "rougeLsum"]
rng = random.Random(7)

roots = (
    "relate condition rational valence hesitate digit conform radical differ vile analog vietnam predicate operate feudal "
    "decide hope callous formal sensitive triplicate form electric good revive allow infer airline gyroscope adjust defend "
    "irritate replace adopt communism activate angular homologous effect bowdler probate rate cease control roll motor "
    "plaster agree feed sky fly die lie tie spy enjoy happy cry play toy syzygy news inning outing canning howe proceed "
    "exceed succeed geology theology archaeology apology bodily gentle idle humble hop tan fall hiss fizz fail file hurry "
    "caress pony cat ability nation station notion ocean question version vision fusion mission region union onion ion "
    "argue argument judge judgement whole holy beauty fulfil skilful wonder yellow year day boy try apply reply quick "
    "jump lazy dog fox run cut big stop plan visit open answer market report minister police country people child woman"
).split()
suffixes = (
    " s es ed ing er est ly y ness ful less ment able ible ance ence ant ent al ial ally ational ation ations ator ators "
    "alism iveness fulness ousness ality ivity bility logy logi ization izer ize ized izing icate ative alize iciti ical "
    "ism iti ous ive ion sion tion ies ied eed eedly edly ingly fully abli alli entli eli ousli enci anci ou ll e ee yed ying"
).split(" ")
words = sorted({root[: len(root) - cut] + suffix for root in roots for suffix in suffixes for cut in (0, 1)} | {
    "a", "as", "is", "yyyy", "yyyyed", "123s", "2nds", "x86ing", "aed", "bed", "sing", "ies", "ied", "dies", "died", "flies",
    "spied", "oxen", "eed", "ing", "ed", "ss", "sses", "zzz", "bb", "aeiou", "rhythms", "psychically", "controlling", "tolled"})
stemmer = PorterStemmer()
chosen = [word for word in words if word and rng.random() < 0.1 or len(word) < 5]
(here / "stems.txt").write_text("".join(f"{word} {stemmer.stem(word)}\n" for word in chosen if word))

glue = ["the", "of", "a", "and", "to", "in", "is", "was", "for", "not"]
special = [
    "", " ", "\n", "...", "It's", "U.S.A.", "3.14", "1,000,000", "$5", "50%", "e-mail", "naïve", "café", "cafe\u0301", "ß", "İstanbul",
    "\u212a9", "ΟΔΟΣ", "سلام دنیا", "สวัสดี", "日本語", "emoji 🙂 here", "tab\there", "under_score", "x\u00a0y", "ﬁne", "A1b2C3",
    "\r\n", "line\u2028separator", "ALL CAPS", "don’t", "½", "x²", "Ⅳ", "１２３"]


def sentence():
    count = rng.randint(1, 14)
    picks = [rng.choice(words if rng.random() < 0.6 else glue if rng.random() < 0.7 else special) for _ in range(count)]
    if rng.random() < 0.3 and picks[0]:
        picks[0] = picks[0][0].upper() + picks[0][1:]
    return rng.choice([" ", " ", ", ", "-", "  "]).join(picks) + rng.choice([".", "", "!", "?\n", "\n"])


def text():
    return "".join(sentence() for _ in range(rng.randint(0, 4)))


def changed(original):
    parts = re.split(r"(\s+)", original)
    for _ in range(rng.randint(0, 6)):
        place = rng.randrange(len(parts))
        parts[place] = rng.choice([parts[place] + "s", "", rng.choice(words), parts[rng.randrange(len(parts))], "\n"])
    return "".join(parts)


pairs = [("", ""), ("a", ""), ("", "a"), ("...", "..."), ("the", "The"), ("日本語", "日本語"), ("a b c", "c b a"), ("a\n\nb", "b\na")]
pairs += [(one, one) for one in special] + [(one, "here " + one) for one in special]
while len(pairs) < 260:
    reference = text()
    pairs.append((reference, changed(reference) if rng.random() < 0.7 else text()))
scorers = {False: rouge_scorer.RougeScorer(kinds), True: rouge_scorer.RougeScorer(kinds, use_stemmer=True)}
with open(here / "rouge.jsonl", "w") as file:
    for number, (reference, completion) in enumerate(pairs):
        references = [reference] + [changed(reference) for _ in range(number % 3 if number % 4 == 0 else 0)]
        line = {"references": references, "completion": completion}
        for stems, scorer in scorers.items():
            found = scorer.score_multi(references, completion)
            line["stemmed" if stems else "plain"] = [[found[kind].precision, found[kind].recall, found[kind].fmeasure] for kind in kinds]
        file.write(json.dumps(line) + "\n")


def articles_and_spaces(answer):
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", answer).split())


def squad(answer):
    return articles_and_spaces("".join(c for c in answer.lower() if c not in set(string.punctuation)))


def trivia(answer):
    marks = set(string.punctuation + "‘’´`")
    return articles_and_spaces("".join(" " if c in marks else c for c in answer.lower())).strip()


answers = special + [text() for _ in range(80)] + [
    "The Beatles", "the the", "a-ha", "An apple a day", "theatre", "A", "a.", "_the_", "the_a", "U.S.", "AC/DC", "O'Neill", "‘quoted’",
    "´", "`a`", "the\u0301", "a\u0301", "Σ", "ΣΑΣ", "ΑΣ.", "ΑΣ'Α", "ǅ", "\x1c\x1d", "\x85", "x\u200by", "٣ the ٣", "the²", "ªthe", "ẞ"]
with open(here / "answers.jsonl", "w") as file:
    for answer in answers:
        file.write(json.dumps({"text": answer, "naturalQuestions": squad(answer), "triviaQA": trivia(answer)}) + "\n")


def extracted(pattern, completion, select):
    """lm-evaluation-harness' RegexFilter."""
    matches = re.findall(pattern, completion)
    if not matches:
        return None
    match = matches[select]
    if isinstance(match, tuple):
        match = [part for part in match if part][0]
    return match.strip()


def normalized(answer):
    """`exact_match` with the task's regexes_to_ignore and ignore_case."""
    for pattern in [",", r"\$", r"(?s).*#### ", r"\.$"]:
        answer = re.sub(pattern, "", answer)
    return answer.lower()


def solution():
    number = rng.choice(["18", "-3", "1,234", "$70", "0.5", "1,000.00", "7.", "12345678901234567890", "$1,5.", "-", "1-2", "--4", "5,", "$$"])
    return rng.choice([
        f"So it is {number}.\n#### {number}", f"#### {number}", f"####{number}", f"## {number}", f"#### x\n#### {number}",
        f"The answer is {number}.", f"{number} apples, 3 pears.", f"a #### {number} b #### 9", f"#### {number}\n\nQuestion: 4", "none", "",
        f"x{number}y", f"(-{number})", "Price: $", f"#### -{number}", f"#### \n{number}"])


with open(here / "numbers.jsonl", "w") as file:
    for _ in range(200):
        completion, target = solution(), rng.choice(["Reason 5.\n#### 18", "1234", "70", "#### -3", "#### 1,000.00", "5", "$70", "4"])
        strict = extracted(r"#### (\-?[0-9\.\,]+)", completion, 0)
        flexible = extracted(r"(-?[$0-9.,]{2,})|(-?[0-9]+)", completion, -1)
        file.write(json.dumps({
            "completion": completion, "reference": target, "strict": strict, "flexible": flexible,
            "isStrictlyCorrect": strict is not None and normalized(strict) == normalized(target),
            "isFlexiblyCorrect": flexible is not None and normalized(flexible) == normalized(target)}) + "\n")
