"""Checks what the server writes with the programs that read it.

    python3 -m venv /tmp/clients
    /tmp/clients/bin/pip install openai==3.57.0 prometheus-client==0.26.0 openapi-spec-validator jsonschema
    mkdir /tmp/recorded; FORETOKEN_RECORD=/tmp/recorded swift test --filter ForetokenServingTests
    /tmp/clients/bin/python validate.py /tmp/recorded

OpenAI's client parses the recorded answers, as wholes and as streams, and raises the errors; its own models are the types.
Prometheus' parser reads the metrics. The OpenAPI document is checked against its specification, the recorded answers and
20,000 requests against its schemas. What passes is copied to Responses/ by hand.
"""

import json
import pathlib
import sys

import httpx2
import openai
from jsonschema import Draft202012Validator
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openapi_spec_validator import validate as validate_openapi
from prometheus_client.parser import text_string_to_metric_families

folder = pathlib.Path(sys.argv[1])


def read(name):
    return (folder / name).read_text()


def client(text, status=200, kind="application/json", headers={}):
    """OpenAI's client of a server that answers everything with a text."""
    answer = lambda request: httpx2.Response(status, text=text, headers={"content-type": kind, **headers})
    return openai.OpenAI(
        api_key="x", base_url="http://server/v1", max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))


def without_first_null(value):
    """The client's types do not know that the first token of an echoed prompt has no log-probability."""
    for choice in value["choices"]:
        for key in ["token_logprobs", "top_logprobs"]:
            if choice["logprobs"] and choice["logprobs"][key]:
                choice["logprobs"][key] = [x for x in choice["logprobs"][key] if x is not None]
    return value


# Answers as wholes: OpenAI's types, strictly.
for path in sorted(folder.glob("completion*.json")):
    value = json.loads(path.read_text())
    Completion.model_validate(without_first_null(value), strict=True)
    answer = client(path.read_text()).completions.create(model="m", prompt="x")
    assert answer.choices[0].text.endswith("h€") and answer.usage.total_tokens == 8, path
    assert answer.usage.completion_tokens_details.accepted_prediction_tokens == 2
    logprobs = answer.choices[0].logprobs
    if logprobs:
        lengths = {len(logprobs.tokens), len(logprobs.token_logprobs), len(logprobs.text_offset)}
        assert len(lengths) == 1, path
        # Offsets count Python's characters.
        for token, offset in zip(logprobs.tokens, logprobs.text_offset):
            if not token.startswith(("bytes:", "<|", "token_id:")):
                assert answer.choices[0].text[offset:].startswith(token), (path, token)
for path in sorted(folder.glob("chat*.json")):
    ChatCompletion.model_validate_json(path.read_text(), strict=True)
    answer = client(path.read_text()).chat.completions.create(model="m", messages=[])
    assert answer.choices[0].message.content == "h€" and answer.choices[0].finish_reason == "stop"
    if logprobs := answer.choices[0].logprobs:
        spelled = b"".join(bytes(token.bytes or []) for token in logprobs.content)
        assert spelled.decode() == "h€"

# Streams.
for path in sorted(folder.glob("*-stream*.txt")):
    text = path.read_text()
    frames = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    assert all(line == "" or line.startswith(("data: ", ": ")) for line in text.splitlines()), path
    if path.name.startswith("infill"):
        assert "".join(json.loads(frame)["content"] for frame in frames) == "h€"
        continue
    assert frames[-1] == "[DONE]"
    is_chat = path.name.startswith("chat")
    for frame in frames[:-1]:
        if is_chat:
            ChatCompletionChunk.model_validate_json(frame, strict=True)
        else:
            value = without_first_null(json.loads(frame))
            # The type of a chunk is that of a whole, whose reason is not null.
            for choice in value["choices"]:
                choice["finish_reason"] = choice["finish_reason"] or "stop"
            Completion.model_validate(value, strict=True)
    server = client(text, kind="text/event-stream")
    options = {"include_usage": True}
    if is_chat:
        chunks = list(server.chat.completions.create(model="m", messages=[], stream=True, stream_options=options))
        content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        roles = [chunk.choices[0].delta.role for chunk in chunks if chunk.choices]
        assert roles[0] == "assistant" and not any(roles[1:]) and content == "h€", path
    else:
        chunks = list(server.completions.create(model="m", prompt="x", stream=True, stream_options=options))
        content = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
        assert content.endswith("h€"), path
    reasons = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert reasons[-1] == "stop" and not any(reasons[:-1]), path
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    if "logprobs" in path.name:
        assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 8
        assert all(chunk.usage is None for chunk in chunks[:-1])

# Models and errors.
models = client(read("models.json")).models.list()
assert [model.id for model in models] == ["python-bytes"]
assert client(read("model.json")).models.retrieve("python-bytes").max_model_len == 4096
kinds = {
    400: openai.BadRequestError, 401: openai.AuthenticationError, 404: openai.NotFoundError,
    500: openai.InternalServerError, 503: openai.InternalServerError, 504: openai.InternalServerError,
}
errors = []
for line in read("errors.txt").splitlines():
    name, status, text = line.split(" ", 2)
    errors.append(json.loads(text))
    try:
        client(text, int(status)).completions.create(model="m", prompt="x")
        raise AssertionError(name)
    except openai.APIStatusError as error:
        assert isinstance(error, kinds.get(int(status), openai.APIStatusError)), name
        assert error.message and error.param == json.loads(text)["error"]["param"], name
        assert error.code == json.loads(text)["error"]["code"], name
# In a stream, under status 200.
try:
    list(client(f"data: {text}\n\n", kind="text/event-stream").chat.completions.create(
        model="m", messages=[], stream=True))
    raise AssertionError("no error")
except openai.APIError as error:
    assert error.type == "server_error"

# Metrics.
for name, prefixes in [("metrics.txt", {"foretoken"}), ("metrics-aliases.txt", {"foretoken", "vllm", "llamacpp"})]:
    families = list(text_string_to_metric_families(read(name)))
    assert {family.name.split(":")[0] for family in families} == prefixes
    assert len({family.name for family in families}) == len(families)
    samples = {}
    for family in families:
        assert family.type in ("counter", "gauge", "histogram") and family.documentation, family
        assert {sample.labels["model_name"] for sample in family.samples} <= {"python-bytes", 'a "b"\\\n'}
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert (sample.name, labels) not in samples
            samples[sample.name, labels] = sample.value
        if family.type == "histogram":
            for model in ["python-bytes", 'a "b"\\\n']:
                own = [sample for sample in family.samples if sample.labels["model_name"] == model]
                buckets = [sample.value for sample in own if sample.name.endswith("_bucket")]
                count = [sample.value for sample in own if sample.name.endswith("_count")]
                assert buckets == sorted(buckets) and count == [buckets[-1]], family.name
    value = lambda name, **labels: samples[name, tuple(sorted({"model_name": "python-bytes", **labels}.items()))]
    assert value("foretoken:generation_tokens_total") == 4
    assert value("foretoken:spec_decode_num_accepted_tokens_per_pos_total", position="1") == 1
    assert value("foretoken:request_success_total", finished_reason="stop") == 1
    if "vllm" in prefixes:
        assert value("vllm:num_requests_running") == value("llamacpp:requests_processing") == 2
        assert value("vllm:prefix_cache_hits_total") == 4
        assert value("llamacpp:n_busy_slots_per_decode") == 1.5

# The OpenAPI document, and what it says of requests and answers.
document = json.loads(read("openapi.json"))
validate_openapi(document)
validators = {}
for path, operations in document["paths"].items():
    for operation in operations.values():
        if body := operation.get("requestBody"):
            schema = body["content"]["application/json"]["schema"]
            Draft202012Validator.check_schema(schema)
            validators[path] = Draft202012Validator(schema)
count = 0
for line in read("verdicts.jsonl").splitlines():
    verdict = json.loads(line)
    is_valid = validators[verdict["path"]].is_valid(verdict["body"])
    assert is_valid == verdict["accepted"], line[:300]
    count += 1


def answers(path, kind="application/json", status="200", method="post"):
    schema = document["paths"][path][method]["responses"][status]["content"][kind]["schema"]
    return Draft202012Validator({**schema, "components": document["components"]})


def check_event(path, data):
    """An event against the schema of events, and its JSON against the schema of its content, errors aside."""
    event = answers(path, "text/event-stream")
    event.validate({"data": data})
    if data != "[DONE]":
        content = event.schema["properties"]["data"]["anyOf"][1]["contentSchema"]["anyOf"]
        Draft202012Validator(content[0]).validate(json.loads(data))


for path, name, method in [
    ("/v1/completions", "completion*.json", "post"), ("/v1/chat/completions", "chat*.json", "post"),
    ("/infill", "infill.json", "post"), ("/tokenize", "tokenize*.json", "post"),
    ("/detokenize", "detokenize.json", "post"), ("/apply-template", "apply-template.json", "post"),
    ("/v1/models", "models.json", "get"), ("/v1/models/{model}", "model.json", "get"),
    ("/tokenizer_info", "tokenizer_info.json", "get"), ("/props", "props.json", "get"),
    ("/slots", "slots.json", "get"), ("/health", "health.json", "get"),
]:
    files = list(folder.glob(name))
    assert files, name
    for file in files:
        if file.name != "tokenizer_info.json" or path == "/tokenizer_info":
            answers(path, method=method).validate(json.loads(file.read_text()))
for path, name in [
    ("/v1/completions", "completion-stream*.txt"), ("/v1/chat/completions", "chat-stream*.txt"),
    ("/infill", "infill-stream.txt"),
]:
    for file in folder.glob(name):
        for line in file.read_text().splitlines():
            if line.startswith("data: "):
                check_event(path, line[6:])
for error in errors:
    Draft202012Validator(document["components"]["schemas"]["Error"]).validate(error)

print(f"all good: {len(list(folder.iterdir()))} files, {count} requests")
