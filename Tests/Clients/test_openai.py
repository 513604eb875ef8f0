"""What openai-python sends and reads: completions and chat, whole and streamed, and its typed errors."""

import asyncio
import itertools
import json
import time

import openai
import pytest

from serving import Server, wait_for

PROMPT = "import os\n\n\ndef "
MESSAGES = [{"role": "user", "content": "def add(a, b):"}]
DECODINGS = [{}, {"heads": 1}, {"heads": 8}, {"speculative": False}]


def complete(client, **options):
    return client.completions.create(**{"model": "py", "prompt": PROMPT, "max_tokens": 24, "seed": 1} | options)


def chat(client, **options):
    return client.chat.completions.create(
        **{"model": "chat", "messages": MESSAGES, "max_tokens": 24, "seed": 1} | options)


def refused(call, status=400):
    """The body of the error that a call must raise."""
    kinds = {400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError}
    with pytest.raises(kinds[status]) as caught:
        call()
    error = caught.value
    assert error.status_code == status and error.message and error.type
    return error


# Models


def test_models_are_listed_and_retrieved(client):
    models = client.models.list()
    assert [model.id for model in models] == ["py", "chat"]
    assert all(model.object == "model" and model.owned_by and model.created > 0 for model in models)
    assert client.models.retrieve("chat").id == "chat"
    assert refused(lambda: client.models.retrieve("none"), 404).code == "model_not_found"


def test_any_model_name_is_answered_with_the_served_one(client):
    assert complete(client, model="gpt-3.5-turbo-instruct").model == "py"


# Completions


def test_completion_has_openai_s_form(client):
    answer = complete(client)
    choice = answer.choices[0]
    assert answer.object == "text_completion" and answer.id.startswith("cmpl-")
    assert abs(answer.created - time.time()) < 600
    assert choice.finish_reason == "length" and choice.index == 0 and choice.logprobs is None
    assert answer.usage.completion_tokens == 24 and answer.usage.prompt_tokens == len(PROMPT) + 1
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 24
    details = answer.usage.completion_tokens_details
    assert details.accepted_prediction_tokens >= 0 and details.rejected_prediction_tokens >= 0
    # OpenAI's default.
    assert client.completions.create(model="py", prompt=PROMPT).usage.completion_tokens == 16


def test_prompts_are_text_ids_or_lists_of_either(client):
    ids = [256, *PROMPT.encode()]
    expected = complete(client).choices[0].text
    assert complete(client, prompt=ids).choices[0].text == expected
    for prompts in ([PROMPT, "class "], [ids, [256, *b"class "]]):
        choices = complete(client, prompt=prompts).choices
        assert [choice.index for choice in choices] == [0, 1]
        assert choices[0].text == expected
        assert choices[1].text == complete(client, prompt="class ").choices[0].text
    assert complete(client, prompt=[PROMPT]).choices[0].text == expected


@pytest.mark.parametrize("prompt", [[], [[]], "x" * 600, [[258]], [-1], [1 << 40], 7, {"a": 1}, [PROMPT, 1], [1, "a"]])
def test_impossible_prompts_name_the_key(client, prompt):
    assert refused(lambda: complete(client, prompt=prompt)).param.startswith("prompt")


def test_too_long_prompts_have_openai_s_code(client):
    error = refused(lambda: complete(client, prompt="x" * 600))
    assert error.code == "context_length_exceeded" and "maximum context length is 512 tokens" in error.message


def test_n_completions_have_consecutive_seeds(client):
    texts = [choice.text for choice in complete(client, prompt=[PROMPT, "class "], n=3, seed=5).choices]
    singles = [
        complete(client, prompt=prompt, seed=seed).choices[0].text
        for prompt in (PROMPT, "class ") for seed in (5, 6, 7)
    ]
    assert texts == singles and len(set(singles)) > 2


def test_unseeded_texts_differ(client):
    assert len({complete(client, seed=None).choices[0].text for _ in range(4)}) > 1


def test_max_tokens(client):
    # The API's documentation: 0 generates none. llama.cpp: -1 is as many as fit.
    answer = complete(client, max_tokens=0)
    assert answer.choices[0].text == "" and answer.usage.completion_tokens == 0
    assert answer.choices[0].finish_reason == "length"
    answer = complete(client, prompt="x = " * 120, max_tokens=-1, temperature=0)
    assert answer.usage.total_tokens <= 512 and answer.choices[0].finish_reason in ("length", "stop")
    answer = complete(client, prompt="x = " * 120, max_tokens=10_000, extra_body={"ignore_eos": True})
    assert answer.usage.total_tokens in (512, 513) and answer.choices[0].finish_reason == "length"
    assert refused(lambda: complete(client, max_tokens=-2)).param == "max_tokens"


def test_echo_and_logprobs(client):
    answer = complete(client, echo=True, logprobs=3, temperature=0)
    choice, logprobs = answer.choices[0], answer.choices[0].logprobs
    assert choice.text.startswith(PROMPT) and len(choice.text) == len(PROMPT) + 24
    assert "".join(logprobs.tokens) == "<|begin_of_text|>" + choice.text
    assert logprobs.token_logprobs[0] is None and logprobs.top_logprobs[0] is None
    assert len(logprobs.tokens) == len(logprobs.token_logprobs) == len(logprobs.text_offset) == len(PROMPT) + 25
    for token, value, top, offset in list(
        zip(logprobs.tokens, logprobs.token_logprobs, logprobs.top_logprobs, logprobs.text_offset))[1:]:
        assert value <= 0 and top[token] == value and 3 <= len(top) <= 4
        assert choice.text[offset] == token
    # Of greedy text, every token is the most likely one.
    for value, top in zip(logprobs.token_logprobs[-24:], logprobs.top_logprobs[-24:]):
        assert value == max(top.values())


def test_likelihoods_alone_need_no_generation(client):
    answer = complete(client, echo=True, logprobs=1, max_tokens=0)
    assert answer.choices[0].text == PROMPT and len(answer.choices[0].logprobs.tokens) == len(PROMPT) + 1


def test_logprobs_0_has_the_tokens_own_only(client):
    logprobs = complete(client, logprobs=0).choices[0].logprobs
    assert len(logprobs.token_logprobs) == 24 and not logprobs.top_logprobs


@pytest.mark.parametrize("stop", ["\n", ["\n", "("], ["never there"], "é"])
def test_stops_end_the_text_before_them(client, stop):
    whole = complete(client, max_tokens=60, temperature=0)
    text = whole.choices[0].text
    ends = [text.index(word) for word in ([stop] if isinstance(stop, str) else stop) if word in text]
    answer = complete(client, max_tokens=60, temperature=0, stop=stop).choices[0]
    assert answer.text == text[:min(ends, default=len(text))]
    assert answer.finish_reason == ("stop" if ends else whole.choices[0].finish_reason)


def test_logit_bias_forces_and_forbids(client):
    only = complete(client, logit_bias={"97": 100}, max_tokens=8)
    assert only.choices[0].text == "aaaaaaaa"
    never = complete(client, logit_bias={str(ord("t")): -100}, temperature=0, max_tokens=60)
    assert "t" not in never.choices[0].text
    assert refused(lambda: complete(client, logit_bias={"258": 1})).param == "logit_bias"
    assert refused(lambda: complete(client, logit_bias={"a": 1})).param == "logit_bias"
    assert refused(lambda: complete(client, logit_bias={"97": 101})).param.startswith("logit_bias")


@pytest.mark.parametrize("options", [
    {"temperature": 2.0}, {"temperature": 0}, {"top_p": 0.1}, {"top_p": 0}, {"presence_penalty": 2}, {"n": 2},
    {"frequency_penalty": -2}, {"best_of": 1}, {"user": "somebody"}, {"stop": None}, {"stop": []}, {"logit_bias": {}},
    {"suffix": None}, {"suffix": ""}, {"stream": False}, {"extra_body": {"top_k": 5}}, {"extra_body": {"min_p": 0.1}},
    {"extra_body": {"repetition_penalty": 1.2}}, {"extra_body": {"stop_token_ids": [10]}},
    {"extra_body": {"samplers": ["top_k"], "cache_prompt": True, "id_slot": -1, "unheard_of": {"a": [1]}}},
])
def test_options_are_taken(client, options):
    first = complete(client, **options)
    assert first.choices[0].text == complete(client, **options).choices[0].text


@pytest.mark.parametrize("options, parameter", [
    ({"temperature": 2.1}, "temperature"), ({"temperature": -0.1}, "temperature"), ({"top_p": 1.1}, "top_p"),
    ({"presence_penalty": 2.1}, "presence_penalty"), ({"frequency_penalty": -2.1}, "frequency_penalty"),
    ({"n": 0}, "n"), ({"n": 129}, "n"), ({"best_of": 2}, "best_of"), ({"logprobs": 21}, "logprobs"),
    ({"suffix": "return"}, "suffix"), ({"seed": 1.5}, "seed"), ({"stop": [""]}, "stop"), ({"stop": 5}, "stop"),
    ({"max_tokens": "4"}, "max_tokens"), ({"stream": "yes"}, "stream"), ({"echo": 1}, "echo"),
    ({"extra_body": {"repetition_penalty": 0}}, "repetition_penalty"), ({"extra_body": {"heads": 9}}, "heads"),
    ({"extra_body": {"heads": 2, "speculative": False}}, "speculative"), ({"extra_body": {"top_k": 1.5}}, "top_k"),
    ({"extra_body": {"grammar": "root ::= x"}}, "grammar"), ({"extra_body": {"use_beam_search": True}}, "use_beam_search"),
])
def test_refusals_name_the_key(client, options, parameter):
    error = refused(lambda: complete(client, **options))
    assert error.param.startswith(parameter) and parameter in error.message


# The same text and figures however it is decoded


@pytest.mark.parametrize("options", [
    {"temperature": 0}, {"temperature": 1}, {"temperature": 0.7, "top_p": 0.9}, {"extra_body": {"top_k": 3}},
    {"presence_penalty": 1, "frequency_penalty": 0.5}, {"extra_body": {"repetition_penalty": 1.3}},
    {"logit_bias": {"10": -5, "32": 3}}, {"stop": ["\n\n", "self"]}, {"extra_body": {"min_p": 0.2}}, {"n": 3},
])
def test_speculation_changes_nothing(client, options):
    answers = []
    for decoding in DECODINGS:
        body = options.get("extra_body", {}) | decoding
        answer = complete(client, **options | {"extra_body": body, "logprobs": 4, "max_tokens": 60, "echo": True})
        answers.append([(choice.text, choice.finish_reason, choice.logprobs) for choice in answer.choices])
    # Bit for bit: JSON's numbers are read back as they were written.
    assert all(answer == answers[0] for answer in answers[1:])


def test_batches_change_nothing(client):
    prompts = [f"def f{index}(x):\n    return " for index in range(16)]
    singles = [complete(client, prompt=prompt, logprobs=2, echo=True).choices[0] for prompt in prompts]
    together = complete(client, prompt=prompts, logprobs=2, echo=True).choices
    for single, choice in zip(singles, together):
        assert (choice.text, choice.logprobs) == (single.text, single.logprobs)


# Streams


def collect(chunks):
    """Each choice's text, finish reason, and all logprobs of a stream of completions."""
    texts, reasons, scores = {}, {}, {}
    for chunk in chunks:
        for choice in chunk.choices:
            assert choice.index not in reasons, "a choice goes on after its end"
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            if choice.logprobs:
                scores.setdefault(choice.index, []).extend(
                    zip(choice.logprobs.tokens, choice.logprobs.token_logprobs, choice.logprobs.text_offset))
            if choice.finish_reason:
                reasons[choice.index] = choice.finish_reason
    return texts, reasons, scores


@pytest.mark.parametrize("options", [
    {}, {"n": 3}, {"prompt": [PROMPT, "class "], "n": 2}, {"echo": True}, {"echo": True, "logprobs": 2}, {"logprobs": 0},
    {"stop": ["t"]}, {"max_tokens": 0}, {"max_tokens": 0, "echo": True, "logprobs": 1}, {"max_tokens": 1},
    {"prompt": "ab" * 200, "max_tokens": -1},
])
def test_stream_is_the_whole_answer(client, options):
    whole = complete(client, **options)
    chunks = list(complete(client, **options, stream=True, stream_options={"include_usage": True}))
    assert len({chunk.id for chunk in chunks}) == len({chunk.created for chunk in chunks}) == 1
    assert all(chunk.object == "text_completion" and chunk.model == "py" for chunk in chunks)
    assert chunks[-1].choices == [] and all(chunk.usage is None for chunk in chunks[:-1])
    last = chunks[-1].usage
    assert (last.prompt_tokens, last.completion_tokens) == (whole.usage.prompt_tokens, whole.usage.completion_tokens)
    texts, reasons, scores = collect(chunks)
    assert texts == {choice.index: choice.text for choice in whole.choices}
    assert reasons == {choice.index: choice.finish_reason for choice in whole.choices}
    for choice in whole.choices:
        if logprobs := choice.logprobs:
            expected = list(zip(logprobs.tokens, logprobs.token_logprobs, logprobs.text_offset))
            assert scores.get(choice.index, []) == expected


def test_stream_without_usage_has_none(client):
    chunks = list(complete(client, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


def test_raw_stream_is_an_event_stream(client):
    response = client.completions.with_raw_response.create(model="py", prompt=PROMPT, max_tokens=4, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-request-id"]
    body = response.http_response.read().decode()
    frames = body.split("\n\n")
    assert frames[-1] == "" and frames[-2] == "data: [DONE]"
    assert all(json.loads(frame[6:])["choices"] for frame in frames[:-2])


EMOJI = "🙂é→a"


def test_streams_carry_whole_characters(client):
    """A bias at every byte of an emoji makes the model write it byte by byte, in passes that end inside it."""
    for character in "🙂é→":
        text = ""
        for count, byte in enumerate(character.encode()):
            prefix = [256, *b"x", *character.encode()[:count]]
            answer = complete(client, prompt=prefix, logit_bias={str(byte): 100}, max_tokens=1, echo=False)
            text += answer.choices[0].text
        # Single bytes are no characters: each is answered as U+FFFD, or as nothing.
        assert set(text) <= {"�"}
    bias = {str(byte): 60 for byte in "🙂".encode()}
    for seed, decoding in itertools.product(range(6), DECODINGS):
        options = dict(logit_bias=bias, max_tokens=40, seed=seed, extra_body=decoding)
        whole = complete(client, **options).choices[0].text
        parts = [chunk.choices[0].text for chunk in complete(client, **options, stream=True)]
        assert "".join(parts) == whole
    ids = [256, *(EMOJI * 5).encode()]
    assert complete(client, prompt=ids, echo=True, max_tokens=0).choices[0].text == "<|begin_of_text|>" + EMOJI * 5


def test_logprobs_spell_bytes_that_are_no_characters(client):
    answer = complete(client, prompt=[256, 120], logit_bias={str(0xF0): 100}, max_tokens=1, logprobs=1)
    assert answer.choices[0].logprobs.tokens == ["bytes:\\xf0"]


# Chat


def test_chat_has_openai_s_form(client):
    answer = chat(client)
    choice = answer.choices[0]
    assert answer.object == "chat.completion" and answer.id.startswith("chatcmpl-") and answer.model == "chat"
    assert choice.message.role == "assistant" and choice.message.content and choice.finish_reason == "length"
    assert choice.message.tool_calls is None and choice.message.refusal is None
    assert answer.usage.completion_tokens == 24


@pytest.mark.parametrize("messages", [
    [{"role": "developer", "content": "be short"}, *MESSAGES],
    [{"role": "system", "content": "be short"}, *MESSAGES],
    [*MESSAGES, {"role": "assistant", "content": None}, *MESSAGES],
    [*MESSAGES, {"role": "assistant"}, *MESSAGES],
    [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    [{"role": "user", "content": "é🙂", "name": "somebody"}],
    [{"role": "tool", "content": "4", "tool_call_id": "call_1"}],
    [{"role": "user", "content": ""}],
])
def test_messages_of_every_kind(client, messages):
    assert chat(client, messages=messages).choices[0].message.content


@pytest.mark.parametrize("messages", [
    [], [{}], [{"role": "user", "content": 5}], [{"content": "a"}], "hi", [None], [{"role": 1, "content": "a"}],
    [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}],
    [{"role": "user", "content": [{"type": "text"}]}], [{"role": "user", "content": ["a"]}],
])
def test_wrong_messages_are_named(client, messages):
    assert refused(lambda: chat(client, messages=messages)).param.startswith("messages")


@pytest.mark.parametrize("options", [
    {"tools": []}, {"tool_choice": "none"}, {"functions": []}, {"response_format": {"type": "text"}},
    {"max_completion_tokens": 5}, {"n": 2}, {"stop": "\n"}, {"stop": None}, {"user": "x"}, {"metadata": {"a": "b"}},
    {"parallel_tool_calls": True}, {"service_tier": "auto"}, {"store": False}, {"reasoning_effort": "low"},
    {"modalities": ["text"]}, {"logprobs": False}, {"temperature": 0, "top_p": 0.5, "seed": -3},
])
def test_chat_options_are_taken(client, options):
    assert chat(client, **options).choices[0].message.content is not None


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize("options, parameter", [
    ({"tools": [TOOL]}, "tools"), ({"functions": [TOOL["function"]]}, "functions"), ({"tool_choice": "required"}, "tool_choice"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}}, "response_format"),
    ({"top_logprobs": 2}, "top_logprobs"), ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"), ({"n": 0}, "n"),
    ({"modalities": ["text", "audio"]}, "modalities"), ({"max_tokens": "many"}, "max_tokens"),
    ({"extra_body": {"documents": [{"text": "x"}]}}, "documents"), ({"extra_body": {"chat_template": "x"}}, "chat_template"),
    ({"extra_body": {"continue_final_message": True}}, "continue_final_message"),
])
def test_chat_refusals_name_the_key(client, options, parameter):
    error = refused(lambda: chat(client, **options))
    assert error.param.startswith(parameter) and parameter in error.message


def test_models_without_a_template_say_so(client):
    error = refused(lambda: chat(client, model="py"))
    assert error.code == "no_chat_template" and "/v1/completions" in error.message


def test_chat_max_completion_tokens_comes_first(client):
    assert chat(client, max_tokens=9, max_completion_tokens=5).usage.completion_tokens == 5


def test_chat_logprobs_have_bytes(client):
    answer = chat(client, logprobs=True, top_logprobs=3, logit_bias={str(byte): 20 for byte in "é".encode()})
    content = answer.choices[0].logprobs.content
    assert len(content) == 24
    assert b"".join(bytes(token.bytes) for token in content).decode(errors="replace") == answer.choices[0].message.content
    for token in content:
        assert token.logprob <= 0 and len(token.top_logprobs) == 3
        values = [top.logprob for top in token.top_logprobs]
        assert values == sorted(values, reverse=True)
        assert all(top.logprob == token.logprob for top in token.top_logprobs if top.bytes == token.bytes)


def test_chat_speculation_changes_nothing(client):
    answers = [
        chat(client, logprobs=True, top_logprobs=5, n=2, extra_body=decoding).choices for decoding in DECODINGS
    ]
    assert all(answer == answers[0] for answer in answers[1:])


@pytest.mark.parametrize("options", [{}, {"n": 3}, {"logprobs": True, "top_logprobs": 2}, {"stop": [" "]}, {"max_tokens": 0}])
def test_chat_stream_is_the_whole_answer(client, options):
    whole = chat(client, **options)
    chunks = list(chat(client, **options, stream=True, stream_options={"include_usage": True}))
    assert len({(chunk.id, chunk.created, chunk.object, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].object == "chat.completion.chunk"
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    for choice in whole.choices:
        parts = [part for chunk in chunks for part in chunk.choices if part.index == choice.index]
        assert parts[0].delta.role == "assistant" and all(part.delta.role is None for part in parts[1:])
        assert "".join(part.delta.content or "" for part in parts) == choice.message.content
        assert [part.finish_reason for part in parts] == [None] * (len(parts) - 1) + [choice.finish_reason]
        if choice.logprobs:
            assert [token for part in parts for token in part.logprobs.content] == choice.logprobs.content


def test_chat_stream_helper_of_the_client(client):
    options = dict(model="chat", messages=MESSAGES, max_tokens=200, seed=1, stop=[" ", "\n"])
    with client.chat.completions.stream(**options) as stream:
        kinds = {event.type for event in stream}
        answer = stream.get_final_completion()
    assert "content.delta" in kinds
    assert answer.choices[0].message.content == client.chat.completions.create(**options).choices[0].message.content


# Asynchronous, timeouts, keys


def test_async_client_runs_many_at_once(server, client):
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as many:
            async def one(seed):
                text = ""
                async for chunk in await many.completions.create(
                        model="py", prompt=PROMPT, max_tokens=24, seed=seed, stream=True):
                    text += chunk.choices[0].text
                return text
            return await asyncio.gather(*map(one, range(12)))
    assert asyncio.run(run()) == [complete(client, seed=seed).choices[0].text for seed in range(12)]


def test_a_timeout_of_the_client_cancels(server, client):
    before = server.metric("request_success_total", finished_reason="abort")
    with pytest.raises(openai.APITimeoutError):
        complete(client.with_options(timeout=0.2), n=16, max_tokens=400, extra_body={"ignore_eos": True})
    wait_for(server.is_idle, 5, "the texts of a client that left to be cancelled")
    assert server.metric("request_success_total", finished_reason="abort") == before + 16


def test_closing_a_stream_cancels(server, client):
    before = server.metric("request_success_total", finished_reason="abort")
    stream = complete(client, max_tokens=400, stream=True, extra_body={"ignore_eos": True})
    next(iter(stream))
    stream.close()
    wait_for(server.is_idle, 5, "the text of a client that left to be cancelled")
    assert server.metric("request_success_total", finished_reason="abort") == before + 1


def test_keys():
    with Server("--api-key", "sesame", "--api-key", "ключ") as server:
        def client(key):
            return openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)
        assert complete(client("sesame")).choices
        error = refused(lambda: complete(client("wrong")), 401)
        assert error.code == "invalid_api_key" and "sesame" not in error.message
        for key in ("Sesame", "sesame ", "sesam", "sesame1"):
            status = server.get("/v1/models", headers={"Authorization": f"Bearer {key}x"}).status_code
            assert status == 401
        assert server.get("/v1/models").status_code == 401
        assert server.get("/v1/models").headers["www-authenticate"].startswith("Bearer")
        assert server.get("/v1/models", headers={"X-Api-Key": "sesame"}).status_code == 200
        assert server.get("/v1/models", headers={"Authorization": "bearer sesame"}).status_code == 200
        assert server.get("/v1/models", headers={"Authorization": "Bearer ключ".encode()}).status_code == 200
        assert server.get("/metrics").status_code == 401 and server.get("/health").status_code == 200


def test_full_and_loading_servers_are_internal_server_errors():
    """The client retries these by itself, after the time of Retry-After."""
    with Server("--parallel", "1", "--queue", "0") as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        busy = complete(client, max_tokens=450, stream=True, extra_body={"ignore_eos": True, "heads": 1})
        next(iter(busy))
        with pytest.raises(openai.InternalServerError) as caught:
            complete(client)
        assert caught.value.status_code == 503 and caught.value.code == "queue_full"
        assert int(caught.value.response.headers["retry-after"]) > 0
        assert complete(client.with_options(max_retries=60), max_tokens=2).choices
        busy.close()
