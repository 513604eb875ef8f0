"""Sends many short requests at once, some of them cancelled or garbage: python Tests/Clients/soak.py [REQUESTS] [CONNECTIONS]

No request may be lost, every text must be that of a request alone, and the server may not grow. Half way a client process with
open streams is killed; in the end the server is stopped with requests in progress. Prints figures; exits with 1 for a failure.
Needs Tests/Clients/requirements.txt; FORETOKEN_SERVER names the program. Not a test of `scripts/test-clients.sh`: takes minutes.
"""

import collections
import http.client
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

from serving import BYTES, Server, chat_model, events, wait_for

REQUESTS = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
CONNECTIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 16
PROMPTS = ["def ", "class ", "import ", "for i in ", "return ", "# é🙂 ", "if x ==", "print('", "x = [", "self."]

# A client that opens streams and is killed.
CLIENT = """
import json, socket, sys, time
body = json.dumps({"prompt": "def ", "max_tokens": -1, "ignore_eos": True, "stream": True}).encode()
for _ in range(8):
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    connection.sendall(b"POST /v1/completions HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    globals().setdefault("open", []).append(connection)
print("sent", flush=True)
time.sleep(60)
"""


def cases():
    """The distinct requests, as path and body; each always has the same answer."""
    source = random.Random(1)
    for index in range(200):
        body = {
            "max_tokens": source.randrange(1, 13), "seed": source.randrange(1000),
            "temperature": source.choice([0, 0.7, 1]), "top_p": source.choice([1, 0.9]),
            "frequency_penalty": source.choice([0, 0.5]), "n": source.choice([1, 1, 1, 2]),
        }
        if decoding := source.choice([{}, {}, {"heads": 1}, {"heads": 4}, {"speculative": False}]):
            body |= decoding
        prompt = source.choice(PROMPTS) + str(index % 37)
        if index % 5 == 0:
            yield "/v1/chat/completions", body | {"model": "chat", "messages": [{"role": "user", "content": prompt}]}
        elif index % 7 == 0:
            yield "/v1/completions", body | {"prompt": [prompt, prompt[::-1]], "echo": True}
        else:
            yield "/v1/completions", body | {"prompt": prompt}


def texts(chunks):
    """The text of each choice, of a whole answer or of the chunks of a stream."""
    result = collections.defaultdict(str)
    for chunk in chunks:
        for choice in chunk["choices"]:
            part = choice.get("message") or choice.get("delta") or choice
            result[choice["index"]] += part.get("content") or part.get("text") or ""
    return dict(result)


class Soak:
    def __init__(self, server):
        self.server = server
        self.cases = list(cases())
        self.expected = [texts([self.alone(*case)]) for case in self.cases]
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.failures = []
        self.marks = []
        self.seconds = []
        self.next = 0

    def alone(self, path, body):
        answer = self.server.post(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def count(self, kind, failure=None):
        with self.lock:
            self.counts[kind] += 1
            if failure:
                self.failures.append(failure)

    def work(self, seed):
        source = random.Random(seed)
        connection = None
        while True:
            with self.lock:
                self.next += 1
                number = self.next
            if number > REQUESTS:
                return
            if number in (REQUESTS // 4, REQUESTS // 2):
                with self.lock:
                    self.marks.append((number, self.server.memory(), self.server.descriptors()))
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
            kind = source.random()
            try:
                if kind < 0.10:
                    self.cancel(connection, source)
                    connection = None
                elif kind < 0.20:
                    self.garbage(source)
                else:
                    self.ask(connection, source)
                if source.random() < 0.01 and connection:
                    connection.close()
                    connection = None
            except Exception as error:
                self.count("lost", f"request {number}: {error!r}")
                connection = None

    def ask(self, connection, source):
        index = source.randrange(len(self.cases))
        path, body = self.cases[index]
        stream = source.random() < 0.5
        begin = time.monotonic()
        connection.request("POST", path, json.dumps(body | {"stream": stream}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        data = answer.read().decode()
        if answer.status == 503:
            return self.count("refused")
        if answer.status != 200:
            return self.count("wrong", f"{body}: {answer.status} {data[:300]}")
        chunks, done = events(data) if stream else ([json.loads(data)], True)
        if not done or texts(chunks) != self.expected[index]:
            return self.count("wrong", f"{body}, stream {stream}: {texts(chunks)}, expected {self.expected[index]}")
        with self.lock:
            self.seconds.append(time.monotonic() - begin)
        self.count("answered")

    def cancel(self, connection, source):
        """Leaves before the answer, or in the midst of it."""
        path, body = source.choice(self.cases)
        body = body | {"stream": source.random() < 0.5, "max_tokens": 200}
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        if body["stream"] and source.random() < 0.5:
            connection.getresponse().read(source.randrange(1, 1000))
        else:
            time.sleep(source.random() * 0.05)
        connection.close()
        self.count("cancelled")

    def garbage(self, source):
        """Wrong bodies get an error; of other garbage the connection may be closed without a word."""
        if source.random() < 0.5:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
            body = source.choice([b"{", b"\xff", b'{"prompt":1}', b'{"n":0}', b"[" * 10_000, b""])
            connection.request("POST", source.choice(["/v1/completions", "/v1/chat/completions", "/tokenize"]), body)
            answer = connection.getresponse()
            ok = answer.status == 400 and "error" in json.loads(answer.read())
            connection.close()
            return self.count("errors" if ok else "wrong", None if ok else f"{body}: {answer.status}")
        with self.server.socket() as plain:
            data = b'POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n{"prompt":"a"}'
            plain.sendall(source.choice([source.randbytes(200), data[:source.randrange(len(data))], b"\r\n" * 50, data]))
        self.count("garbage")

    def killed_client(self):
        wait_for(lambda: self.next > REQUESTS // 2, 3600, "half of the requests")
        client = subprocess.Popen([sys.executable, "-c", CLIENT, str(self.server.port)], stdout=subprocess.PIPE, text=True)
        client.stdout.readline()
        client.kill()
        client.wait()
        client.stdout.close()

    def run(self):
        threads = [threading.Thread(target=self.work, args=[seed]) for seed in range(CONNECTIONS)]
        threads.append(threading.Thread(target=self.killed_client))
        begin = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - begin


def stop_in_progress(server):
    """SIGTERM with requests in progress: all are answered, and the server ends well."""
    results = []

    def one():
        answer = server.client.post("/v1/completions", json={"prompt": "def ", "max_tokens": 200, "ignore_eos": True})
        results.append(answer.json()["usage"]["completion_tokens"])

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: server.metric("num_requests_running") == 8, 10, "texts in progress")
    server.terminate()
    for thread in threads:
        thread.join()
    return results == [200] * 8 and server.process.wait(30) == 0


def main():
    with tempfile.TemporaryDirectory() as folder, Server(
        # A small cache is full early; the first samples of the memory are those of a full one.
        "--cache-mib", "64", "--log-level", "warning",
        model=[f"py={BYTES}", f"chat={chat_model(pathlib.Path(folder))}"],
    ) as server:
        soak = Soak(server)
        start = (0, server.memory(), server.descriptors())
        seconds = soak.run()
        wait_for(server.is_idle, 10, "an idle server")
        wait_for(lambda: server.descriptors() <= start[2] + 2, 30, "closed connections")
        soak.marks.append((REQUESTS, server.memory(), server.descriptors()))
        reasons = {reason: int(server.metric("request_success_total", finished_reason=reason)) for reason in ("stop", "length", "abort")}
        failures = soak.failures
        for number, memory, descriptors in [start, *soak.marks]:
            print(f"after {number} requests: {memory / 1024:.1f} MiB resident, {descriptors} descriptors")
        ordered = sorted(soak.seconds)
        print(f"{REQUESTS} requests over {CONNECTIONS} connections in {seconds:.0f} s, {REQUESTS / seconds:.0f} per second: "
              f"{dict(soak.counts)}")
        print(f"seconds of an answer: median {ordered[len(ordered) // 2]:.3f}, 99 % {ordered[len(ordered) * 99 // 100]:.3f}, "
              f"largest {ordered[-1]:.3f}")
        print(f"texts by the metrics: {reasons}, {int(server.metric('generation_tokens_total'))} tokens; refused with 5xx: "
              f"{int(sum(server.metric('request_refused_total', status=str(status)) for status in range(500, 505)))}")
        if sum(soak.counts.values()) != REQUESTS:
            failures.append(f"{sum(soak.counts.values())} results of {REQUESTS} requests")
        if reasons["stop"] + reasons["length"] < soak.counts["answered"]:
            failures.append("fewer texts were counted than answered")
        if soak.marks[-1][1] > soak.marks[0][1] * 1.05 + 8 * 1024:
            failures.append("the server grew")
        if not stop_in_progress(server):
            failures.append("SIGTERM did not let the texts end, or the server failed")
        print(*failures[:20], sep="\n", end="\n" if failures else "")
        print("passed" if not failures else f"{len(failures)} failures")
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
