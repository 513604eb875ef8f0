"""What llama.vscode and llama.vim send to /infill, and `suffix` in completions."""

import openai
import pytest

from serving import Server, events, infill_model

PREFIX, SUFFIX = "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n"
BEGIN, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE = 256, 258, 259, 260


@pytest.fixture(scope="module")
def filler(tmp_path_factory):
    with Server(model=f"filler={infill_model(tmp_path_factory.mktemp('infill'))}") as server:
        yield server


def llama_vscode(**changes):
    """The body of llama.vscode at the end of PREFIX."""
    lines = PREFIX.split("\n")
    return {
        "input_prefix": "\n".join(lines[:-1]) + "\n", "input_suffix": SUFFIX,
        "input_extra": [{"text": "import os\n", "time": 17, "filename": "other.py"}], "prompt": lines[-1], "n_predict": 20,
        "top_k": 40, "top_p": 0.99, "stream": False, "samplers": ["top_k", "top_p", "infill"], "cache_prompt": True,
        "t_max_prompt_ms": 500, "t_max_predict_ms": 2500, "seed": 1,
    } | changes


def infill(server, **changes):
    answer = server.post("/infill", llama_vscode(**changes))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_infill_has_what_editors_read(filler):
    answer = infill(filler)
    assert isinstance(answer["content"], str) and answer["content"]
    assert isinstance(answer["tokens_cached"], int) and answer["truncated"] is False
    timings = answer["timings"]
    for name in ("prompt_n", "prompt_ms", "prompt_per_second", "predicted_n", "predicted_ms", "predicted_per_second"):
        assert timings[name] >= 0
    assert timings["predicted_n"] == answer["tokens_predicted"] == 20


def test_n_indent_is_taken(filler):
    """Both editors send it at every indented line."""
    assert filler.post("/infill", llama_vscode(n_indent=4)).status_code == 200


def test_response_fields_are_taken(filler):
    assert infill(filler, response_fields=["content", "timings/prompt_n"])["content"]


def test_infill_is_a_completion_of_the_model_s_form(filler):
    answer = infill(filler, temperature=0, samplers=["top_k", "top_p", "temperature"])
    body = llama_vscode()
    extra = "".join(f"{file['text']}\n" for file in body["input_extra"])
    tokens = [
        BEGIN, FIM_PREFIX, *(extra + body["input_prefix"]).encode(), FIM_SUFFIX, *SUFFIX.encode(), FIM_MIDDLE,
        *body["prompt"].encode(),
    ]
    choice = filler.complete(prompt=tokens, max_tokens=20, temperature=0)["choices"][0]
    assert answer["content"] == choice["text"]


def test_no_tokens_only_fill_the_cache(filler):
    first = infill(filler, n_predict=0, samplers=[], t_max_predict_ms=1, input_prefix="x = 1\n" * 20)
    assert first["content"] == ""
    assert infill(filler, input_prefix="x = 1\n" * 20)["timings"]["cache_n"] > 100


def test_streams_of_infill(filler):
    whole = infill(filler)
    answer = filler.post("/infill", llama_vscode(stream=True))
    chunks, _ = events(answer.text)
    assert [chunk["stop"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert "".join(chunk["content"] for chunk in chunks) == whole["content"]


def test_control_tokens_in_files_are_text(filler):
    body = llama_vscode(input_prefix="x = '<|fim_middle|>'\n")
    assert filler.post("/infill", body).status_code == 200
    count = filler.post("/infill", body | {"n_predict": 0}).json()["tokens_evaluated"]
    other = filler.post("/infill", body | {"n_predict": 0, "input_prefix": "x = ''\n"}).json()["tokens_evaluated"]
    assert count - other == len("<|fim_middle|>")


def test_suffix_of_completions(filler):
    client = openai.OpenAI(base_url=f"{filler.url}/v1", api_key="none", max_retries=0)
    options = dict(model="filler", max_tokens=20, temperature=0)
    answer = client.completions.create(prompt=PREFIX, suffix=SUFFIX, **options)
    tokens = [BEGIN, FIM_PREFIX, *PREFIX.encode(), FIM_SUFFIX, *SUFFIX.encode(), FIM_MIDDLE]
    expected = client.completions.create(prompt=tokens, **options)
    assert answer.choices[0].text == expected.choices[0].text
    # Continue and others write the control tokens themselves.
    text = f"<|fim_prefix|>{PREFIX}<|fim_suffix|>{SUFFIX}<|fim_middle|>"
    assert client.completions.create(prompt=text, **options).choices[0].text == expected.choices[0].text


def test_too_long_files_are_refused_with_their_key(filler):
    answer = filler.post("/infill", llama_vscode(input_prefix="x" * 600))
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "input_prefix"
