"""Writes own.json, templates.json and cases.json: what transformers' and Jinja's own environment renders.

    python3 -m venv venv && venv/bin/pip install transformers==5.24.0 jinja2==3.1.6
    venv/bin/python make.py [templates]

own.json is about the templates of this folder. `templates` is the folder vendor/llama.cpp/models/templates of the source
distribution of llama-cpp-python 0.3.36 (llama.cpp,
MIT; some of the files name licences of their own). The templates are too large to keep here; templates.json holds digests of
them and of what they render. With a further argument, the texts themselves go to that file, for looking at differences.
"""

import datetime
import hashlib
import itertools
import json
import os
import pathlib
import re
import sys
import time

os.environ["TZ"] = "UTC"
time.tzset()

import jinja2
from transformers.utils import chat_template_utils as utils

import cases
from conversations import conversations

here = pathlib.Path(__file__).parent


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2026, 7, 26, 13, 5, 9)


utils.datetime = FixedTime
special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def render(template, messages, arguments):
    """The text and spans, or what is raised: raise_exception's message, or the class of another error."""
    try:
        chats, spans = utils.render_jinja_template(
            conversations=[utils._normalize_chat_messages(messages)], chat_template=template,
            return_assistant_tokens_mask=True, **special, **arguments)
        return {"text": chats[0], "generation": [
            [len(chats[0][:position].encode()) for position in span] for span in spans[0]]}
    except jinja2.exceptions.TemplateError as error:
        if type(error) is jinja2.exceptions.TemplateError:
            return {"raised": str(error.message)}
        return {"error": type(error).__name__}
    except Exception as error:
        return {"error": type(error).__name__}


def write(name, value):
    """One element of the top level's lists and objects to a line."""
    def compact(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    entries = []
    for key, part in value.items():
        if isinstance(part, list):
            entries.append(f"{compact(key)}:[\n" + ",\n".join(map(compact, part)) + "]")
        else:
            entries.append(f"{compact(key)}:{{\n" + ",\n".join(
                f"{compact(name)}:{compact(element)}" for name, element in part.items()) + "}")
    (here / name).write_text("{" + ",\n".join(entries) + "}\n")


def outcomes(path):
    """What a template renders of each conversation: digests, errors, and where there are spans those too."""
    template = path.read_text(encoding="utf-8")
    results = [render(template, messages, arguments) for _, messages, arguments in conversations]
    short = []
    for result in results:
        if "text" not in result:
            short.append(result)
        elif result["generation"]:
            short.append({"digest": digest(result["text"]), "generation": result["generation"]})
        else:
            short.append(digest(result["text"]))
    return results, {"template": digest(template), "outcomes": short}


own = {path.stem: outcomes(path) for path in sorted((here / "templates").glob("*.jinja"))}
write("own.json", {
    "conversations": [
        {"name": name, "messages": messages, "arguments": arguments} for name, messages, arguments in conversations],
    "templates": {name: short for name, (_, short) in own.items()},
    "texts": {name: results[3].get("text") for name, (results, _) in own.items()}})

if len(sys.argv) > 1:
    others = {path.stem: outcomes(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja"))}
    write("templates.json", {"templates": {name: short for name, (_, short) in others.items()}})
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps({name: results for name, (results, _) in others.items()}))

environment = utils._compile_jinja_template("x").environment


def outcome(template):
    """The text without addresses, which differ from run to run; or None for an error."""
    try:
        text = environment.from_string(template).render(messages=cases.messages)
        text.encode("utf-8")
        return re.sub(" at 0x[0-9a-f]+", " at an address", text)
    except Exception:
        return None


def combined(pattern, lists):
    for elements in itertools.product(*lists):
        template = pattern
        for index, element in enumerate(elements):
            template = template.replace(f"@{index}", element)
        yield template


families = [
    {"pattern": pattern, "lists": lists, "outcomes": [outcome(template) for template in combined(pattern, lists)]}
    for pattern, *lists in cases.families]
write("cases.json", {
    "messages": cases.messages, "families": families,
    "singles": [{"template": template, "outcome": outcome(template)} for template in cases.singles]})
