"""Fixtures: servers that several tests share."""

import os

import openai
import pytest

from serving import BYTES, Server, chat_model


@pytest.fixture(scope="session")
def chat_folder(tmp_path_factory):
    return chat_model(tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="session")
def server(chat_folder):
    """Serves the byte model with 8 heads as `py`, and as `chat` with a template."""
    with Server(model=[f"py={BYTES}", f"chat={chat_folder}"]) as server:
        yield server


@pytest.fixture(scope="session")
def smol():
    """Serves the chat model of CHAT_MODEL, which has one head and tokens of several bytes."""
    path = os.environ.get("CHAT_MODEL")
    if not path:
        pytest.skip("CHAT_MODEL is not set: the path of a model with a chat template and an end of turn")
    with Server(model=f"smol={path}") as server:
        yield server


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
