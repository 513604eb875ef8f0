"""schemathesis against GET /openapi.json: requests that fit the document, and requests that do not, are answered as it says."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance, negative_data_rejection, positive_data_acceptance, response_headers_conformance,
    response_schema_conformance, status_code_conformance,
)

CHECKS = [
    not_a_server_error, content_type_conformance, response_headers_conformance, response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 150


@pytest.fixture(scope="module")
def schema(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


PATHS = [
    ("POST", "/v1/completions"), ("POST", "/v1/chat/completions"), ("POST", "/infill"), ("POST", "/tokenize"),
    ("POST", "/detokenize"), ("POST", "/apply-template"), ("GET", "/v1/models"), ("GET", "/v1/models/{model}"),
    ("GET", "/tokenizer_info"), ("GET", "/props"), ("GET", "/slots"), ("GET", "/health"), ("GET", "/metrics"),
    ("GET", "/openapi.json"),
]


def test_the_document_has_these_paths(schema):
    found = {(result.ok().method.upper(), result.ok().path) for result in schema.get_all_operations()}
    # schemathesis leaves out the document itself.
    assert found | {("GET", "/openapi.json")} == set(PATHS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("method, path", PATHS)
def test_answers_are_as_documented(schema, method, path, mode):
    operation = schema[path][method]
    if mode is GenerationMode.NEGATIVE and method == "GET":
        pytest.skip("there is nothing wrong to ask for")
    checks = CHECKS + ([negative_data_rejection] if mode is GenerationMode.NEGATIVE else [])

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=EXAMPLES if method == "POST" else 10, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck))
    def run(case):
        # Texts of the length that this test has time for; the template's model answers chats.
        if isinstance(case.body, dict):
            for key, limit in (("n", 3), ("max_tokens", 4), ("max_completion_tokens", 4), ("n_predict", 4)):
                value = case.body.get(key, 16)
                if type(value) in (int, float) and not 0 <= value <= limit:
                    if mode is GenerationMode.POSITIVE:
                        case.body[key] = 1
            if mode is GenerationMode.POSITIVE:
                case.body["model"] = "chat"
        case.call_and_validate(checks=checks, timeout=120)

    run()
