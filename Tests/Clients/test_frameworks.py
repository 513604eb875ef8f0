"""litellm, which aider and many agents use, and LangChain."""

import asyncio
import os

import litellm
import pytest
from langchain_openai import ChatOpenAI, OpenAI

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
litellm.telemetry = False

MESSAGES = [{"role": "system", "content": "short"}, {"role": "user", "content": "def add(a, b):"}]


@pytest.fixture
def expected(client):
    """The text of the conversation above."""
    answer = client.chat.completions.create(model="chat", messages=MESSAGES, max_tokens=20, seed=3)
    return answer.choices[0].message.content


@pytest.fixture
def options(server):
    return {"api_base": f"{server.url}/v1", "api_key": "none", "max_tokens": 20, "seed": 3, "num_retries": 0}


@pytest.mark.parametrize("provider", ["openai", "hosted_vllm", "custom_openai"])
def test_litellm_chat(options, expected, provider):
    answer = litellm.completion(model=f"{provider}/chat", messages=MESSAGES, **options)
    assert answer.choices[0].message.content == expected and answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 20
    chunks = list(litellm.completion(
        model=f"{provider}/chat", messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected
    # The agent's way to put a stream together again.
    built = litellm.stream_chunk_builder(chunks, messages=MESSAGES)
    assert built.choices[0].message.content == expected and built.choices[0].finish_reason == "length"
    assert built.usage.completion_tokens == 20


def test_litellm_async(options, expected):
    async def run():
        answers = await asyncio.gather(*(
            litellm.acompletion(model="openai/chat", messages=MESSAGES, **options) for _ in range(4)))
        return [answer.choices[0].message.content for answer in answers]
    assert asyncio.run(run()) == [expected] * 4


def test_litellm_text(options, client):
    expected = client.completions.create(model="py", prompt="def ", max_tokens=20, seed=3, n=2)
    answer = litellm.text_completion(model="text-completion-openai/py", prompt="def ", n=2, **options)
    assert [choice.text for choice in answer.choices] == [choice.text for choice in expected.choices]


def test_litellm_errors(options):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with pytest.raises(litellm.BadRequestError, match="tools"):
        litellm.completion(model="openai/chat", messages=MESSAGES, tools=[tool], **options)
    # Agents shorten the conversation on this one.
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.completion(model="openai/chat", messages=[{"role": "user", "content": "x" * 2000}], **options)
    with pytest.raises(litellm.ContextWindowExceededError):
        litellm.text_completion(model="text-completion-openai/py", prompt="x" * 2000, **options)


def test_langchain(server, expected, client):
    options = dict(base_url=f"{server.url}/v1", api_key="none", max_tokens=20, seed=3, max_retries=0)
    chat = ChatOpenAI(model="chat", **options)
    messages = [("system", "short"), ("user", "def add(a, b):")]
    answer = chat.invoke(messages)
    assert answer.content == expected and answer.usage_metadata["output_tokens"] == 20
    assert answer.response_metadata["finish_reason"] == "length"
    parts = list(chat.stream(messages, stream_usage=True))
    assert "".join(part.content for part in parts) == expected
    assert sum(part.usage_metadata["output_tokens"] for part in parts if part.usage_metadata) == 20
    scored = ChatOpenAI(model="chat", logprobs=True, top_logprobs=2, **options).invoke(messages)
    assert len(scored.response_metadata["logprobs"]["content"]) == 20
    # Its own default is 0.7.
    text = OpenAI(model="py", temperature=1, **options)
    expected_text = client.completions.create(model="py", prompt="def ", max_tokens=20, seed=3).choices[0].text
    assert text.invoke("def ") == expected_text
    assert "".join(text.stream("def ")) == expected_text
    assert text.batch(["def ", "def "]) == [expected_text] * 2
