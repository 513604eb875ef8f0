"""HTTP itself, over bare sockets: clients that are wrong, slow, or use what few clients use."""

import json
import random
import re
import socket
import threading
import time

import pytest

from serving import Server, wait_for

BODY = b'{"prompt":"def ","max_tokens":2,"seed":1}'


def request(body=BODY, path="/v1/completions", method="POST", headers=(), length=None):
    """A request as bytes; its Content-Length may be a lie."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Content-Type: application/json", *headers]
    if length is not False:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Connection:
    """A connection of which answers are read one by one."""

    def __init__(self, server, timeout=30):
        self.socket = server.socket(timeout)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            # The server answered and closed before it had read all.
            pass

    def answer(self, head=False):
        """Status, headers and body of the next answer; None once the connection is closed."""
        try:
            line = self.file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        status = int(re.fullmatch(rb"HTTP/1\.1 (\d{3}) .*\r\n", line).group(1))
        headers = {}
        while (line := self.file.readline().rstrip(b"\r\n")):
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        if head or status < 200 or status == 204:
            return status, headers, b""
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.file.readline(), 16):
                body += self.file.read(size)
                self.file.readline()
            self.file.readline()
            return status, headers, body
        return status, headers, self.file.read(int(headers["content-length"]))


def exchange(server, data, head=False):
    with Connection(server) as connection:
        connection.send(data)
        return connection.answer(head)


def is_error(answer, *statuses):
    """Whether an answer is an error in OpenAI's form."""
    status, headers, body = answer
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"] and error["type"]
    assert headers["content-type"].startswith("application/json")
    return status in statuses


# Uncommon, and right


def test_chunked_bodies(server):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:7], BODY[7:8], BODY[8:])) + b"0\r\n\r\n"
    head = request(b"", length=False, headers=["Transfer-Encoding: chunked"])
    assert exchange(server, head + chunks)[0] == 200


def test_expect_100_continue(server):
    """curl asks so before it sends a larger body."""
    with Connection(server) as connection:
        connection.send(request(b"", length=len(BODY), headers=["Expect: 100-continue"]))
        assert connection.answer()[0] == 100
        connection.send(BODY)
        assert connection.answer()[0] == 200


def test_pipelined_requests_are_answered_in_order(server):
    with Connection(server) as connection:
        texts = [f"def f{index}" for index in range(5)]
        connection.send(b"".join(
            request(json.dumps({"prompt": text, "max_tokens": 1 + index, "echo": True}).encode())
            for index, text in enumerate(texts)))
        for text in texts:
            status, _, body = connection.answer()
            assert status == 200 and json.loads(body)["choices"][0]["text"].startswith(text)


def test_connections_are_kept_after_answers_and_errors(server):
    with Connection(server) as connection:
        for _ in range(3):
            for data, status in [
                (request(), 200), (request(b"{"), 400), (request(path="/none"), 404),
                (request(method="DELETE"), 405), (request(BODY[:-1] + b',"stream":true}'), 200), (request(b""), 400),
                (request(b"\xff\xfe"), 400), (request(b"", path="/v1/models", method="GET"), 200),
            ]:
                connection.send(data)
                assert connection.answer()[0] == status


def test_head_is_get_without_body(server):
    for path in ("/health", "/v1/models", "/metrics", "/", "/openapi.json"):
        with Connection(server) as connection:
            connection.send(request(b"", path=path, method="HEAD", length=False))
            status, headers, _ = connection.answer(head=True)
            assert status == 200
            # The next answer begins right after the head.
            connection.send(request(b"", path=path, method="GET", length=False))
            status, again, body = connection.answer()
            assert status == 200 and int(again["content-length"]) == len(body)
            assert headers["content-type"] == again["content-type"]


def test_close_is_heeded(server):
    with Connection(server) as connection:
        connection.send(request(headers=["Connection: close"]))
        assert connection.answer()[0] == 200 and connection.answer() is None


def test_http_1_0_is_closed(server):
    """RFC 9112, section 9.3."""
    with server.socket(timeout=3) as connection:
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        data = b""
        while part := connection.recv(4096):
            data += part
        assert b" 200 " in data.split(b"\r\n")[0] and data.endswith(b'{"status":"ok"}')


def test_queries_and_escapes_in_paths(server):
    for path in ("/v1/models?limit=1", "/v1/models/%70y", "/health?"):
        assert exchange(server, request(b"", path=path, method="GET"))[0] == 200
    for path in ("/v1/models/..%2f..%2fetc", "/v1/models/%ff", "/v1/models/%", "/v1//models", "/%2e%2e/", "/v1/models/"):
        assert is_error(exchange(server, request(b"", path=path, method="GET")), 404, 400)


def test_preflight(server):
    """What a browser asks before a page of another site may send a request, with every header of OpenAI's own clients."""
    wanted = ["authorization", "content-type", "x-stainless-os", "x-stainless-retry-count", "openai-organization"]
    answer = server.client.options("/v1/chat/completions", headers={
        "Origin": "https://page.test", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ",".join(wanted)})
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] in ("*", "https://page.test")
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert set(wanted) <= allowed
    for path, body in (("/v1/completions", {"prompt": "a", "max_tokens": 1}), ("/v1/completions", {"prompt": 1}), ("/none", {})):
        answer = server.post(path, body, headers={"Origin": "https://page.test"})
        assert answer.headers["access-control-allow-origin"] in ("*", "https://page.test")


def test_preflight_needs_no_key_and_names_the_origin():
    with Server("--api-key", "k", "--cors-origin", "https://page.test") as server:
        preflight = {"Origin": "https://page.test", "Access-Control-Request-Method": "POST"}
        answer = server.client.options("/v1/chat/completions", headers=preflight)
        assert answer.status_code in (200, 204)
        assert answer.headers["access-control-allow-origin"] == "https://page.test"
        answer = server.get("/v1/models", headers={"Origin": "https://page.test"})
        assert answer.status_code == 401 and answer.headers["access-control-allow-origin"] == "https://page.test"


def test_request_ids_are_the_client_s(server):
    assert server.get("/health", headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    ids = {server.get("/health").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    answer = exchange(server, request(b"", "/health", "GET", ["X-Request-Id: a\x7f\x1bb"]))
    assert answer[0] in (200, 400) and "\x1b" not in answer[1].get("x-request-id", "")


# Wrong


@pytest.mark.parametrize("data", [
    b"\r\n\r\n\r\n\r\n", b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 5000, b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    b"POST /v1/completions HTTP/1.1\r\nContent-Length: -1\r\n\r\n", request(length="99999999999999999999"),
    request(length="1x"), request(length=5), request(headers=["Content-Length: 7"]),
    request(headers=["Transfer-Encoding: chunked"]), request(b"zz\r\n", length=False, headers=["Transfer-Encoding: chunked"]),
    request(b"FFFFFFFFFFFFFFFFF\r\n", length=False, headers=["Transfer-Encoding: chunked"]),
    request(headers=["Transfer-Encoding: gzip"]), request(headers=["X: " + "a" * 200_000]),
    request(headers=[f"X{index}: a" for index in range(20_000)]), b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"A" * 1_000_000, request(path="/é"), request(path="http://x/v1/models", method="GET"), request(path="*", method="OPTIONS"),
    request(method="CONNECT", path="x:1"), request(method="TRACE"), request(headers=["Upgrade: websocket", "Connection: upgrade"]),
])
def test_what_is_not_http_harms_nobody(server, data):
    with Connection(server, timeout=3) as connection:
        connection.send(data)
        # A request that may still go on is ended.
        connection.socket.shutdown(socket.SHUT_WR) if connection.socket.fileno() >= 0 else None
        try:
            answer = connection.answer()
            assert answer is None or answer[0] < 600
            assert answer is None or answer[0] not in (500,)
        except (ValueError, KeyError, AttributeError, TimeoutError):
            pass
    assert server.get("/health").status_code == 200 and server.process.poll() is None


def test_truncated_requests_are_forgotten(server):
    data = request()
    for end in range(0, len(data), 7):
        with server.socket() as connection:
            connection.sendall(data[:end])
    wait_for(server.is_idle, 5, "an idle server")
    assert server.get("/health").status_code == 200


DEEP = 1_000_000


@pytest.mark.parametrize("body", [
    b"", b" ", b"null", b"[]", b'"a"', b"1", b"{", b'{"prompt"', b'{"prompt":"a"}{}', b'{"prompt":"\xff"}', b"\xef\xbb\xbf{}",
    b'{"prompt":"\\ud800"', b"{'prompt':1}", b'{"prompt":"a",}', b'{"prompt":"a"}x', b"NaN", b'{"prompt":"a","temperature":NaN}',
    b'{"prompt":"a","temperature":1e999}', b'{"prompt":"a","seed":99999999999999999999}', b'{"prompt":"a\n"}',
    b"[" * DEEP, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP, b'{"prompt":' + b"[" * DEEP + b"]" * DEEP + b"}",
    b'{"prompt":"a","logit_bias":' + b'{"1":' * 100_000 + b"1" + b"}" * 100_001, b"\x00" * 10_000,
    b'{"prompt":"a","max_tokens":' + b"1" * 100_000 + b"}", b'{"prompt":"a"' + b',"k":1' * 100_000 + b',"n":0}',
])
def test_wrong_bodies_are_errors_with_a_reason(server, body):
    begin = time.monotonic()
    assert is_error(exchange(server, request(body)), 400)
    assert time.monotonic() - begin < 10


def test_duplicate_keys_and_surrogates_are_read(server):
    for body in (b'{"prompt":"a","prompt":"b","max_tokens":1}', b'{"prompt":"\\ud800","max_tokens":1}',
                 b'{"prompt":"\\ud83d\\ude42\\u0000","max_tokens":1}'):
        assert exchange(server, request(body))[0] in (200, 400)


def test_content_types_do_not_matter(server):
    """Scripts forget the type of JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"):
        data = request().replace(b"application/json", kind.encode())
        assert exchange(server, data)[0] == 200


def test_too_large_bodies_are_refused():
    with Server("--max-body-mib", "1") as server:
        large = b'{"prompt":"' + b"a" * (2 << 20) + b'"}'
        answer = exchange(server, request(large))
        assert answer is None or is_error(answer, 413)
        # Without a length, and with one that announces too much.
        chunked = b"".join(b"%x\r\n%s\r\n" % (1 << 16, b"a" * (1 << 16)) for _ in range(40)) + b"0\r\n\r\n"
        answer = exchange(server, request(b"", length=False, headers=["Transfer-Encoding: chunked"]) + chunked)
        assert answer is None or is_error(answer, 413)
        assert is_error(exchange(server, request(b"", length=1 << 40)), 413)
        assert exchange(server, request())[0] == 200


# Fuzz


def mutated(data, random):
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 5, 20])):
        kind, place = random.randrange(5), random.randrange(len(data) + 1)
        if kind == 0:
            data[place:place + 1] = bytes([random.randrange(256)])
        elif kind == 1:
            del data[place:place + random.randrange(1, 30)]
        elif kind == 2:
            data[place:place] = random.randbytes(random.randrange(1, 10))
        elif kind == 3:
            data[place:place] = data[place:place + 50]
        else:
            word = random.choice([b"\r\n", b"\r\n\r\n", b"{", b"]", b'"', b"null", b"-1", b"1e400", b"\\u0000", b",", b":"])
            data[place:place] = word
    return bytes(data)


def test_mutated_requests_harm_nobody(server):
    chat = b'{"messages":[{"role":"user","content":"hi"}],"model":"chat","max_tokens":2,"stream":true,"logit_bias":{"5":1}}'
    seeds = [
        request(), request(chat, "/v1/chat/completions"), request(b'{"tokens":[1,2]}', "/detokenize"),
        request(b'{"prompt":[[1,2],[3]],"n":2,"logprobs":1,"echo":true,"max_tokens":1,"stop":["a"]}'),
        request(b'{"content":"a b"}', "/tokenize"), request(b'{"input_prefix":"a","n_predict":1}', "/infill"),
    ]
    source = random.Random(1)
    before = server.descriptors()
    for _ in range(600):
        data = mutated(source.choice(seeds), source)
        with Connection(server, timeout=0.5) as connection:
            connection.send(data)
            try:
                answer = connection.answer()
                assert answer is None or answer[0] != 500, (data, answer)
            except (ValueError, KeyError, AttributeError, OSError):
                pass
    assert server.get("/health").status_code == 200 and server.process.poll() is None
    wait_for(server.is_idle, 10, "an idle server")
    wait_for(lambda: server.descriptors() <= before + 2, 10, "closed connections")


def test_many_idle_connections(server):
    """Idle connections below the limit leave room for others, and are let go when they end."""
    before = server.descriptors()
    idle = [server.socket() for _ in range(500)]
    assert exchange(server, request())[0] == 200
    for connection in idle:
        connection.close()
    wait_for(lambda: server.descriptors() <= before + 2, 10, "closed connections")


@pytest.mark.slow
def test_slow_clients_are_dropped(server):
    """Of a head and of a body, a byte now and then does not keep a connection."""
    def seconds(data, first=0):
        with server.socket() as connection:
            begin = time.monotonic()
            connection.settimeout(1)
            try:
                connection.sendall(data[:first])
                for byte in data[first:first + 120]:
                    connection.sendall(bytes([byte]))
                    try:
                        if connection.recv(4096) == b"":
                            break
                        return time.monotonic() - begin
                    except TimeoutError:
                        pass
                else:
                    return None
            except OSError:
                pass
            return time.monotonic() - begin

    slow = request(b" " * 1000 + BODY, headers=["X-Long: " + "a" * 1000])
    results = {}
    threads = [
        threading.Thread(target=lambda: results.update(head=seconds(slow))),
        threading.Thread(target=lambda: results.update(body=seconds(slow, slow.index(b"\r\n\r\n") + 4))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results.values()), results
