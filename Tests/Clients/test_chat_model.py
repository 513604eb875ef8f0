"""A real chat model, named by CHAT_MODEL: turns end, control tokens stay the model's, characters of several tokens are whole."""

import json

import openai
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from serving import post_stream

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer with one word."}]


@pytest.fixture
def client(smol):
    return openai.OpenAI(base_url=f"{smol.url}/v1", api_key="none", max_retries=0)


def chat(client, messages=QUESTION, **options):
    return client.chat.completions.create(**{"model": "smol", "messages": messages, "temperature": 0, "max_tokens": 60} | options)


def test_turns_end(client, smol):
    choice = chat(client).choices[0]
    assert choice.finish_reason == "stop" and choice.message.content
    info = smol.get("/tokenizer_info").json()
    assert info["eos_token"] not in choice.message.content
    # As in completions of the rendered conversation.
    prompt = smol.post("/apply-template", {"messages": QUESTION}).json()["prompt"]
    text = client.completions.create(model="smol", prompt=prompt, temperature=0, max_tokens=60).choices[0]
    assert (text.text, text.finish_reason) == (choice.message.content, "stop")


def test_templates_are_jinja_s(smol):
    """The reference is transformers' environment for chat templates."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    info = smol.get("/tokenizer_info").json()
    template = environment.from_string(info["chat_template"])
    for messages in (QUESTION, [{"role": "system", "content": "é🙂"}, *QUESTION, {"role": "assistant", "content": "Paris"}, *QUESTION]):
        for add in (True, False):
            expected = template.render(
                messages=messages, add_generation_prompt=add, bos_token=info["bos_token"], eos_token=info["eos_token"])
            found = smol.post("/apply-template", {"messages": messages, "add_generation_prompt": add})
            assert found.json()["prompt"] == expected


def test_what_users_type_never_becomes_a_control_token(smol):
    """The token that begins a turn is text in a message; in a raw prompt it is the token."""
    plain = smol.post("/tokenize", {"messages": QUESTION}).json()["tokens"]
    token = plain[0]
    control = smol.post("/detokenize", {"tokens": [token]}).json()["prompt"]
    typed = smol.post("/tokenize", {"messages": [{"role": "user", "content": f"a{control}b"}]}).json()["tokens"]
    assert typed.count(token) == plain.count(token) > 0
    raw = smol.post("/tokenize", {"prompt": f"a{control}b", "add_special_tokens": False}).json()["tokens"]
    assert raw.count(token) == 1
    assert smol.post("/detokenize", {"tokens": raw}).json()["prompt"] == f"a{control}b"
    text = smol.post("/tokenize", {"prompt": f"a{control}b", "add_special_tokens": False, "parse_special": False})
    assert text.json()["tokens"].count(token) == 0


def test_tokens_of_texts_come_back(smol):
    for text in ("Hello, world", "é🙂→ \n\t x", "\u0000\u200d", "日本語のテキスト", " a  b   c"):
        tokens = smol.post("/tokenize", {"prompt": text, "add_special_tokens": False}).json()["tokens"]
        assert smol.post("/detokenize", {"tokens": tokens}).json()["prompt"] == text


def test_emoji_are_whole_in_streams(client):
    messages = [{"role": "user", "content": "Repeat exactly: 🙂🙃é→日本🎉"}]
    for seed in range(3):
        options = dict(max_tokens=40, temperature=1, seed=seed, logprobs=True, top_logprobs=1)
        whole = chat(client, messages, **options).choices[0]
        parts = [chunk.choices[0] for chunk in chat(client, messages, stream=True, **options)]
        assert "".join(part.delta.content or "" for part in parts) == whole.message.content
        scores = [token for part in parts if part.logprobs for token in part.logprobs.content]
        assert scores == whole.logprobs.content
        spelled = b"".join(bytes(token.bytes) for token in scores if token.bytes is not None)
        assert spelled.decode(errors="replace").startswith(whole.message.content.rstrip("�"))


def test_stops_across_tokens(client):
    text = chat(client).choices[0].message.content
    for start in range(0, len(text) - 3, 2):
        stop = text[start:start + 3]
        answer = chat(client, stop=[stop]).choices[0]
        assert answer.message.content == text[:text.index(stop)] and answer.finish_reason == "stop"
        streamed = chat(client, stop=[stop], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed) == text[:text.index(stop)]


def test_ignore_eos_goes_on(client):
    assert chat(client, max_tokens=50, extra_body={"ignore_eos": True}).usage.completion_tokens == 50


def test_logprobs_add_up(client, smol):
    """The likelihood of an answer is that of its tokens in an echo of the whole text."""
    answer = chat(client, logprobs=True, extra_body={"return_token_ids": True})
    generated = answer.choices[0].model_extra["token_ids"]
    prompt = smol.post("/tokenize", {"messages": QUESTION}).json()["tokens"]
    echo = client.completions.create(
        model="smol", prompt=prompt + generated, echo=True, logprobs=0, max_tokens=0).choices[0].logprobs
    expected = [token.logprob for token in answer.choices[0].logprobs.content][:len(generated)]
    assert echo.token_logprobs[len(prompt):][:len(expected)] == expected


def test_heads_of_a_model_with_one(client, smol):
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, extra_body={"heads": 2})
    assert caught.value.param == "heads"
    assert chat(client, extra_body={"speculative": False}).choices == chat(client).choices
    chunks = post_stream(smol, "/v1/chat/completions", {"messages": QUESTION, "max_tokens": 5, "timings_per_token": True})
    assert all("timings" in chunk for chunk in chunks)


def test_models_that_cannot_fill_in_say_so(client, smol):
    answer = smol.post("/infill", {"input_prefix": "a", "input_suffix": "b"})
    expects = smol.get("/props").json()["can_infill"]
    assert answer.status_code == (200 if expects else 400), answer.text
    if not expects:
        assert json.loads(answer.text)["error"]["code"] == "unsupported_parameter"
