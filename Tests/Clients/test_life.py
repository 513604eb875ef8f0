"""The server under load and at its end: cancellation, full queues, silence, fairness, signals, keys, TLS, time limits."""

import json
import signal
import socket
import ssl
import statistics
import subprocess
import threading
import time

import httpx
import pytest

from serving import BYTES, Server, events, wait_for

# A text as long as the context allows, one token a pass: some seconds.
LONG = {"prompt": "def ", "max_tokens": -1, "ignore_eos": True, "heads": 1, "seed": 1}
SHORT = {"prompt": "import ", "max_tokens": 4, "seed": 1}


def send(server, body, path="/v1/completions"):
    """A socket over which a request was sent, and from which nothing was read."""
    data = json.dumps(body).encode()
    connection = server.socket()
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return connection


def aborts(server):
    return server.metric("request_success_total", finished_reason="abort")


def in_thread(function, *arguments):
    """Runs a function meanwhile; its result comes from calling what is returned."""
    results = []

    def run():
        try:
            results.append(function(*arguments))
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join()
        if isinstance(results[0], Exception):
            raise results[0]
        return results[0]

    return result


# Clients that leave


@pytest.mark.parametrize("body", [LONG, LONG | {"stream": True}, LONG | {"n": 4}, LONG | {"n": 4, "stream": True}])
def test_a_client_that_leaves_frees_its_places(server, body):
    before = aborts(server)
    connection = send(server, body)
    wait_for(lambda: server.metric("num_requests_running") == body.get("n", 1), 5, "the texts to be decoded")
    connection.close()
    begin = time.monotonic()
    wait_for(server.is_idle, 2, "the texts to be cancelled")
    assert time.monotonic() - begin < 2
    wait_for(lambda: aborts(server) == before + body.get("n", 1), 1, "the texts to be counted")


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_while_it_waits_is_forgotten(stream):
    with Server("--parallel", "1") as server:
        first = send(server, LONG)
        wait_for(lambda: server.metric("num_requests_running") == 1, 5, "the first text to be decoded")
        others = [send(server, LONG | {"stream": stream, "seed": seed}) for seed in range(5)]
        wait_for(lambda: server.metric("num_requests_waiting") == 5, 5, "the others to wait")
        for connection in others:
            connection.close()
        wait_for(lambda: server.metric("num_requests_waiting") == 0, 2, "the others to be forgotten")
        assert server.metric("num_requests_running") == 1
        first.close()
        wait_for(server.is_idle, 2, "the first text to be cancelled")
        assert aborts(server) == 6
        assert server.complete(**SHORT)["choices"]


def test_a_client_that_resets_its_connection(server):
    before = aborts(server)
    connection = send(server, LONG | {"stream": True})
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    wait_for(server.is_idle, 2, "the text to be cancelled")
    wait_for(lambda: aborts(server) == before + 1, 1, "the text to be counted")


def test_a_client_that_does_not_read_harms_only_itself(server):
    """Much more than the sockets hold: log-probabilities of many long texts."""
    body = LONG | {"prompt": ["def ", "class ", "x = ", "import "], "stream": True, "logprobs": 20, "n": 8}
    data = json.dumps(body).encode()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
    expected = server.complete(**SHORT)["choices"][0]["text"]
    memory = server.memory()

    def has_stopped():
        tokens = server.metric("generation_tokens_total")
        time.sleep(1)
        return server.metric("generation_tokens_total") == tokens

    wait_for(has_stopped, 60, "the texts to wait for their client")
    assert not server.is_idle(), "the sockets held the whole answer: the test needs a longer one"
    for _ in range(20):
        assert server.complete(**SHORT)["choices"][0]["text"] == expected
    assert server.memory() - memory < 100_000
    # Late, it gets all the same.
    received = bytearray()
    connection.settimeout(60)
    while not received.endswith(b"0\r\n\r\n"):
        part = connection.recv(1 << 16)
        assert part, received[-200:]
        received += part
    connection.close()
    assert b"data: [DONE]" in received and received.count(b'"finish_reason":"length"') == 32
    wait_for(server.is_idle, 5, "an idle server")


# Full and busy servers


def test_a_full_queue_refuses():
    with Server("--parallel", "1", "--queue", "2") as server:
        held = [send(server, LONG | {"seed": seed}) for seed in range(3)]
        wait_for(lambda: server.metric("num_requests_waiting") == 2, 5, "a full queue")
        for stream in (False, True):
            answer = server.post("/v1/completions", SHORT | {"stream": stream})
            assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 1
            error = answer.json()["error"]
            assert error["code"] == "queue_full" and error["type"] == "overloaded_error"
        assert server.metric("request_refused_total", status="503") == 2
        # More than the queue ever holds is the request's fault.
        assert server.post("/v1/completions", SHORT | {"n": 4}).status_code == 400
        assert server.get("/health").status_code == 200 and server.get("/v1/models").status_code == 200
        held.pop().close()
        wait_for(lambda: server.metric("num_requests_waiting") == 1, 5, "a place")
        waiting = in_thread(lambda: server.complete(**SHORT))
        for connection in held:
            connection.close()
        assert waiting()["choices"]


def test_silent_streams_are_kept_alive_with_comments():
    with Server("--parallel", "1") as server:
        before = [send(server, LONG | {"n": 16, "seed": seed}) for seed in range(8)]
        wait_for(lambda: server.metric("num_requests_running") == 1, 5, "the first text to be decoded")
        with server.client.stream("POST", "/v1/completions", json=SHORT | {"stream": True}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = []
            for line in answer.iter_lines():
                lines.append(line)
                if sum(line.startswith(":") for line in lines) == 2:
                    for connection in before:
                        connection.close()
        chunks, done = events("\n".join(lines))
        assert sum(line.startswith(":") for line in lines) >= 2 and done
        text = "".join(chunk["choices"][0]["text"] for chunk in chunks)
        assert text == server.complete(**SHORT)["choices"][0]["text"]


def test_short_requests_go_on_beside_long_ones():
    """Two long texts hold two of three places; short ones are answered long before these end."""
    with Server("--parallel", "3") as server:
        begin = time.monotonic()
        long = [in_thread(lambda seed=seed: (server.complete(**LONG | {"seed": seed, "prompt": "x" * 300}), time.monotonic())) for seed in range(2)]
        wait_for(lambda: server.metric("num_requests_running") >= 2, 5, "the long texts to be decoded")
        for _ in range(3):
            server.complete(**SHORT)
        short = time.monotonic() - begin
        ends = [result()[1] - begin for result in long]
        assert short < min(ends)


def test_more_requests_than_places_are_all_answered_alike():
    with Server("--parallel", "4") as server:
        expected = [server.complete(**SHORT | {"seed": seed})["choices"][0]["text"] for seed in range(40)]
        results = [in_thread(lambda seed=seed: server.complete(**SHORT | {"seed": seed})) for seed in range(40)]
        assert [result()["choices"][0]["text"] for result in results] == expected
        assert server.metric("request_success_total") == 80
        assert server.metric("generation_tokens_total") == sum(4 for _ in range(80))
        assert server.metric("e2e_request_latency_seconds_count") == 80


# The end


def test_sigterm_lets_texts_end_and_refuses_others():
    with Server() as server:
        whole = in_thread(lambda: server.complete(**LONG))
        with httpx.Client(base_url=server.url, timeout=60) as client:
            with client.stream("POST", "/v1/completions", json=LONG | {"stream": True}) as answer:
                lines = answer.iter_lines()
                next(lines)
                kept = server.socket()
                kept.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
                assert b" 200 " in kept.recv(4096)
                wait_for(lambda: server.metric("num_requests_running") == 2, 5, "both texts to be decoded")
                server.terminate()
                # New connections are refused, requests on kept ones answered with an error, or closed.
                wait_for(lambda: not accepts(server), 5, "new connections to be refused")
                kept.sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
                assert b" 200 " not in kept.recv(4096)
                chunks, done = events("\n".join(lines))
        assert done and chunks[-1]["choices"][0]["finish_reason"] == "length"
        assert whole()["usage"]["total_tokens"] == 512
        assert server.process.wait(10) == 0
        kept.close()


def accepts(server):
    try:
        answer = httpx.post(f"{server.url}/v1/completions", json=SHORT, timeout=5)
        return answer.status_code != 503
    except httpx.HTTPError:
        return False


def test_sigterm_ends_idle_servers_at_once():
    """Kept connections do not hold up the end."""
    with Server() as server:
        idle = [server.socket() for _ in range(3)]
        idle[0].sendall(b"GET /health HTTP/1.1\r\nHost: test\r\n\r\n")
        assert b" 200 " in idle[0].recv(4096)
        begin = time.monotonic()
        server.terminate()
        assert server.process.wait(10) == 0
        assert time.monotonic() - begin < 5
        for connection in idle:
            connection.close()


def test_sigint_is_sigterm():
    with Server() as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 0


def test_grace_is_a_deadline():
    with Server("--grace", "1", "--threads", "1") as server:
        held = [send(server, LONG | {"n": 8, "seed": seed, "stream": True}) for seed in range(12)]
        wait_for(lambda: server.metric("num_requests_running") == 8, 10, "texts to be decoded")
        begin = time.monotonic()
        server.terminate()
        assert server.process.wait(20) == 0, server.stderr()[-500:]
        assert 0.5 < time.monotonic() - begin < 6
        for connection in held:
            connection.close()


def test_ports_in_use_are_an_error(server):
    process = subprocess.run(
        [server.process.args[0], "--port", str(server.port), "--model", BYTES], capture_output=True, text=True, timeout=60)
    assert process.returncode != 0 and "in use" in process.stderr.lower()


@pytest.mark.parametrize("arguments", [
    [], ["--model", "/none"], ["--model", "py=/none"], ["--model", str(BYTES), "--heads", "9"], ["--model", str(BYTES), "--port", "70000"],
    ["--model", str(BYTES), "--tls-certificate", "/none"], ["--model", str(BYTES), "--api-key-file", "/none"],
    ["--model", str(BYTES), "--host", "256.0.0.1"], ["--model", str(BYTES), "--cache-mib", "0"],
    ["--model", str(BYTES), "--tls-certificate", __file__, "--tls-key", __file__], ["--model", str(BYTES), "--weights", "f8"],
])
def test_wrong_arguments_are_one_line_errors(server, arguments):
    process = subprocess.run(
        [server.process.args[0], "--port", "0", *arguments], capture_output=True, text=True, timeout=60)
    assert process.returncode not in (0, -4, -5, -6, -11)
    errors = [line for line in process.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and len(errors[0]) < 500, process.stderr


# Loading, keys, certificates, limits


def test_a_loading_server_says_so():
    """The connection is there before the models are."""
    with Server(model=[f"m{index}={BYTES}" for index in range(30)], wait=False) as server:
        answer = server.get("/health")
        assert answer.status_code == 503 and answer.json()["error"]["code"] == "loading"
        assert int(answer.headers["retry-after"]) >= 1
        for path in ("/v1/models", "/metrics", "/props", "/slots", "/tokenizer_info"):
            assert server.get(path).status_code in (200, 503)
        assert server.post("/v1/completions", SHORT).status_code == 503
        server.wait_until_ready(60)
        assert len(server.get("/v1/models").json()["data"]) == 30


def test_loading_servers_can_be_stopped():
    with Server(model=[f"m{index}={BYTES}" for index in range(30)], wait=False) as server:
        server.terminate()
        server.process.wait(15)


def test_key_files(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first  # Alice\n\nsecond\n")
    with Server("--api-key-file", str(keys)) as server:
        for key, status in (("first", 200), ("second", 200), ("# Alice", 401), ("#", 401), ("Alice", 401)):
            assert server.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == status


def test_tls(tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=certificate)
    with Server("--tls-certificate", str(certificate), "--tls-key", str(key), tls=trust) as server:
        assert server.url.startswith("https://")
        chunks, done = events(server.post("/v1/completions", SHORT | {"stream": True}).text)
        assert done and chunks
        before = aborts(server)
        connection = trust.wrap_socket(server.socket(), server_hostname="localhost")
        data = json.dumps(LONG).encode()
        connection.sendall(f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)
        wait_for(lambda: server.metric("num_requests_running") == 1, 5, "the text to be decoded")
        connection.close()
        wait_for(server.is_idle, 2, "the text to be cancelled")
        wait_for(lambda: aborts(server) == before + 1, 1, "the text to be counted")
        # Plain HTTP, garbage and clients that give up the handshake.
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"\x16\x03\x01", b""):
            with server.socket(2) as plain:
                plain.sendall(data)
                plain.shutdown(socket.SHUT_WR)
                try:
                    plain.recv(100)
                except OSError:
                    pass
        assert server.get("/health").status_code == 200
        server.terminate()
        assert server.process.wait(10) == 0


def test_time_limits():
    with Server("--timeout", "1", "--parallel", "16", "--threads", "1") as server:
        answer = server.post("/v1/completions", LONG | {"n": 16, "max_tokens": -1})
        assert answer.status_code == 504 and answer.json()["error"]["code"] == "timeout"
        answer = server.post("/v1/completions", LONG | {"n": 16, "stream": True})
        chunks, done = events(answer.text)
        assert answer.status_code == 200 and done and chunks[-1]["error"]["code"] == "timeout"
        wait_for(server.is_idle, 2, "the texts to be cancelled")
        assert aborts(server) == 32
        assert server.complete(**SHORT)["choices"]


def test_metrics_are_prometheus(server):
    """The parser of Prometheus' own client reads them; counters only grow."""
    from prometheus_client.parser import text_string_to_metric_families
    answer = server.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.text))
    names = {family.name for family in families}
    for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prompt_tokens",
                 "generation_tokens", "time_to_first_token_seconds", "inter_token_latency_seconds",
                 "e2e_request_latency_seconds", "request_success", "spec_decode_num_drafts",
                 "spec_decode_num_accepted_tokens_per_pos", "prefix_cache_queries", "prefix_cache_hits"):
        assert f"foretoken:{name}" in names
    for family in families:
        for sample in family.samples:
            # Hummingbird's own are about connections.
            assert "model_name" in sample.labels or "http_request_method" in sample.labels
            if family.type == "histogram" and sample.name.endswith("_bucket") and sample.labels["le"] == "+Inf":
                others = {key: value for key, value in sample.labels.items() if key != "le"}
                assert sample.value == next(
                    other.value for other in family.samples if other.name.endswith("_count") and other.labels == others)


def test_metrics_do_not_grow_with_what_clients_send(server):
    def send_strange_requests(name):
        for method in ("GET", "POST", f"M{name}"):
            server.client.request(method, f"/{name}", headers={"User-Agent": name})
            server.client.request(method, f"/v1/models/{name}")
        server.post("/v1/completions", SHORT | {"model": name, "user": name})
        return {line.split(" ")[0] for line in server.get("/metrics").text.splitlines()}

    send_strange_requests("first")
    assert send_strange_requests("second") == send_strange_requests("third")


def test_aliases_of_metrics():
    with Server("--metrics-aliases") as server:
        server.complete(**SHORT)
        text = server.get("/metrics").text
        assert 'vllm:generation_tokens_total{model_name="py"} 4' in text
        assert 'llamacpp:tokens_predicted_total{model_name="py"} 4' in text


def test_slots_show_what_is_decoded(server):
    connection = send(server, LONG)
    wait_for(lambda: any(slot["is_processing"] for slot in server.get("/slots").json()), 5, "a slot in use")
    connection.close()
    wait_for(lambda: not any(slot["is_processing"] for slot in server.get("/slots").json()), 5, "free slots")
