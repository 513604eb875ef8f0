"""Load on an OpenAI-compatible server: throughput and time to first token with several clients at once.

    python3 Benchmarks/serve_load.py http://127.0.0.1:8000 --clients 4 --requests 16 --tokens 64

Every client sends one streamed request after another with a prompt of its own, and reads the answer as it comes. Needs only Python.
Prints one JSON object.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
import urllib.parse

WORDS = "the a of to and in that is was for on with as by at from it an be this which or are not but had have".split()


def prompt(number, words):
    """A text that no other request begins with, so that no server finds it in its cache."""
    state = number * 2654435761 + 1
    chosen = []
    for _ in range(words):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        chosen.append(WORDS[(state >> 33) % len(WORDS)])
    return f"{number}: " + " ".join(chosen)


def request(address, body, path="/v1/completions"):
    """Sends a streamed request; returns seconds to the first token, seconds in all, and the tokens that the server counted."""
    begin = time.perf_counter()
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=600)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"status {response.status}: {response.read(500)!r}")
    first, tokens = None, 0
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        if "error" in chunk:
            raise SystemExit(chunk["error"])
        if chunk.get("usage"):
            tokens = chunk["usage"]["completion_tokens"]
        if chunk["choices"] and first is None:
            first = time.perf_counter() - begin
    connection.close()
    return first, time.perf_counter() - begin, tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--requests", type=int, default=8, help="in all")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--words", type=int, default=100, help="of each prompt")
    parser.add_argument("--model", default="default")
    parser.add_argument("--seed", type=int, default=0, help="the first prompt's number")
    parser.add_argument("--body", default="{}", help="further keys of every request, as JSON")
    options = parser.parse_args()
    address = urllib.parse.urlsplit(options.url)
    numbers = iter(range(options.seed, options.seed + options.requests))
    lock, results, failures = threading.Lock(), [], []

    def client():
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            body = {
                "model": options.model, "prompt": prompt(number, options.words), "max_tokens": options.tokens,
                "temperature": 0, "ignore_eos": True, "stream": True, "stream_options": {"include_usage": True},
            } | json.loads(options.body)
            try:
                results.append(request(address, body))
            except SystemExit as failure:
                failures.append(str(failure))
                return

    begin = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if failures:
        raise SystemExit(failures[0])
    firsts = sorted(result[0] for result in results)
    tokens = sum(result[2] for result in results)
    print(json.dumps({
        "clients": options.clients, "requests": len(results), "tokens": tokens, "seconds": round(seconds, 3),
        "tokensPerSecond": round(tokens / seconds, 2),
        "firstTokenMedian": round(statistics.median(firsts), 4),
        "firstToken95": round(firsts[min(len(firsts) - 1, int(len(firsts) * 0.95))], 4),
    }))


if __name__ == "__main__":
    main()
