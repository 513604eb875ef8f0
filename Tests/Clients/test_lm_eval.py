"""lm-evaluation-harness' `local-completions` on the tasks in tasks/: what it reads is what the foretoken command computes."""

import json
import pathlib
import subprocess

import pytest

import lm_eval
from lm_eval.tasks import TaskManager

from serving import BYTES, COMMAND, Server

TASKS = pathlib.Path(__file__).parent / "tasks"
QUESTIONS = [json.loads(line) for line in (TASKS / "questions.jsonl").read_text().splitlines()]
DOCUMENTS = [json.loads(line)["text"] for line in (TASKS / "documents.jsonl").read_text().splitlines()]
# These put the token that begins a text before the context, as the command does.
TOKENIZER = {"tokenizer": str(BYTES), "add_bos_token": True}
REMOTE = {"tokenizer_backend": "remote"}


@pytest.fixture(autouse=True, scope="module")
def in_the_tasks_folder():
    """The tasks' data files are relative paths; the Hub is not asked for anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(TASKS)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_DATASETS_OFFLINE", "1")
        yield


def evaluate(server, task, endpoint="completions", chat=False, **arguments):
    """The answers of a task, in the order of its documents."""
    results = lm_eval.simple_evaluate(
        model="local-chat-completions" if chat else "local-completions",
        model_args={
            "model": "chat" if chat else "py", "base_url": f"{server.url}/v1/{'chat/' if chat else ''}completions",
            "max_length": 512, "max_retries": 1, **arguments,
        },
        tasks=[f"foretoken_{task}"], task_manager=TaskManager(include_path=str(TASKS), include_defaults=False),
        log_samples=True, apply_chat_template=chat, bootstrap_iters=0, confirm_run_unsafe_code=False,
    )
    samples = sorted(results["samples"][f"foretoken_{task}"], key=lambda sample: sample["doc_id"])
    return [[response[0] for response in sample["resps"]] for sample in samples]


@pytest.fixture(scope="module")
def command_s(tmp_path_factory):
    """The likelihoods of `foretoken evaluate choice`, as lm-evaluation-harness joins context and choice."""
    out = tmp_path_factory.mktemp("choice") / "scores.jsonl"
    subprocess.run(
        [COMMAND, "evaluate", "choice", "--model", BYTES, "--questions", "questions.jsonl", "--delimiter", " ",
         "--out", out, "--json"], cwd=TASKS, check=True, capture_output=True)
    return [json.loads(line)["logLikelihoods"] for line in out.read_text().splitlines()]


def values(answers):
    return [[float(value) for value, _ in answer] for answer in answers]


@pytest.mark.parametrize("tokenized", [True, False])
def test_likelihoods_are_the_command_s(server, command_s, tokenized):
    answers = evaluate(server, "choice", tokenized_requests=tokenized, **TOKENIZER)
    for expected, found in zip(command_s, values(answers), strict=True):
        assert found == pytest.approx(expected, abs=1e-4)


def test_greedy_tokens_are_recognised(server):
    """The harness compares a token's likelihood with the largest for exact equality."""
    answers = evaluate(server, "choice", **TOKENIZER)
    flags = {}
    for question, answer in zip(QUESTIONS, answers):
        for choice, (_, greedy) in zip(question["choices"], answer):
            expected = server.complete(
                model="py", prompt=question["context"], temperature=0, max_tokens=len(choice.encode()) + 1)
            assert (expected["choices"][0]["text"] == f" {choice}") == (str(greedy) == "True")
            flags[str(greedy)] = True
    assert len(flags) == 2


@pytest.mark.parametrize("options", [
    {"batch_size": 7}, {"batch_size": 16}, {"num_concurrent": 8}, {"num_concurrent": 3, "batch_size": 5},
    {"tokenized_requests": False, "batch_size": 7},
])
def test_likelihoods_do_not_depend_on_batches(server, options):
    assert evaluate(server, "choice", **TOKENIZER, **options) == evaluate(server, "choice", **TOKENIZER)


@pytest.mark.parametrize("heads", [1, 4])
def test_likelihoods_do_not_depend_on_heads(server, heads):
    with Server("--heads", str(heads)) as other:
        assert evaluate(other, "choice", **TOKENIZER) == evaluate(server, "choice", **TOKENIZER)


def echoed(server, tokens, count):
    """The likelihood of the last tokens, from an echo of all."""
    answer = server.complete(model="py", prompt=tokens, max_tokens=0, echo=True, logprobs=0)
    return sum(answer["choices"][0]["logprobs"]["token_logprobs"][-count:])


def test_remote_tokenizer(server):
    """The default for servers that have /tokenizer_info: nothing comes before the context."""
    answers = values(evaluate(server, "choice", tokenizer_backend="auto"))
    for question, found in zip(QUESTIONS, answers, strict=True):
        for choice, value in zip(question["choices"], found, strict=True):
            tokens = list(f"{question['context']} {choice}".encode())
            assert value == echoed(server, tokens, len(choice.encode()) + 1)
    assert evaluate(server, "choice", batch_size=16, **REMOTE) == evaluate(server, "choice", **REMOTE)


def test_rolling_likelihoods(server):
    """Documents longer than the context are scored in windows; a text begins with the token that begins one."""
    answers = evaluate(server, "rolling", **REMOTE)
    for text, [value] in zip(DOCUMENTS, answers, strict=True):
        data = list(text.encode())
        if len(data) < 511:
            assert float(value) == pytest.approx(echoed(server, [256, *data], len(data)), abs=1e-9)
        else:
            assert -5 * len(data) < float(value) < 0
    assert evaluate(server, "rolling", batch_size=3, **REMOTE) == answers


def test_likelihoods_are_the_loss_of_the_command(server, tmp_path):
    """`evaluate loss` measures 8 sequences of 64 tokens; a shard's documents begin with the token that begins a text."""
    document = pathlib.Path(__file__).read_bytes()
    (tmp_path / "text").mkdir()
    for index in range(14):
        # The first 512 tokens are the same, whichever document comes first and whichever is held out.
        (tmp_path / "text" / f"{index}.py").write_bytes(document + f"# {index}\n".encode())
    subprocess.run(
        [COMMAND, "prepare", tmp_path / "text", "--validation-fraction", "0.2", "--out", tmp_path / "data"],
        check=True, capture_output=True)
    result = subprocess.run(
        [COMMAND, "evaluate", "loss", "--model", BYTES, "--data", tmp_path / "data/train.tokens", "--sequence-length",
         "64", "--batches", "1", "--json"], check=True, capture_output=True, text=True)
    tokens = [256, *document]
    losses = [-echoed(server, tokens[start:start + 65], 64) for start in range(0, 512, 64)]
    assert sum(losses) / 512 == pytest.approx(json.loads(result.stdout)["loss"][0], abs=1e-4)


def test_generation(server, client):
    for options in ({}, {"batch_size": 7}, {"tokenized_requests": False}, {"num_concurrent": 4}):
        answers = evaluate(server, "generate", **TOKENIZER, eos_string="<|end_of_text|>", **options)
        for question, [text] in zip(QUESTIONS, answers, strict=True):
            expected = client.completions.create(
                model="py", prompt=question["context"], max_tokens=24, temperature=0, stop=["\n"])
            assert text == expected.choices[0].text


def test_chat_generation(server, client):
    answers = evaluate(server, "generate", chat=True, eos_string="<|end_of_text|>")
    for question, [text] in zip(QUESTIONS, answers, strict=True):
        expected = client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": question["context"]}], max_tokens=24, temperature=0,
            stop=["\n"])
        assert text == expected.choices[0].message.content
