"""Starts foretoken-server for the tests with real clients, and reads its metrics."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

ROOT = pathlib.Path(__file__).resolve().parents[2]
BYTES = ROOT / "Models/python-bytes"
BINARY = os.environ.get("FORETOKEN_SERVER", str(ROOT / ".build-server/release/foretoken-server"))
COMMAND = os.environ.get("FORETOKEN", str(ROOT / ".build/release/foretoken"))

# The byte model talks, too, with this template; what it says makes little sense, but it has heads.
TEMPLATE = (
    "{% for message in messages %}# {{ message['role'] }}: {{ message['content'] or '' }}\n{% endfor %}"
    "{% if add_generation_prompt %}# assistant: {% endif %}"
)


def chat_model(folder):
    """A folder with the byte model and a chat template."""
    shutil.copytree(BYTES, folder, dirs_exist_ok=True)
    config = json.loads((BYTES / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"chat_template": TEMPLATE}))
    return folder


class Server:
    """A server in a process of its own: `with Server("--parallel", "2") as server: server.get("/health")`."""

    def __init__(self, *arguments, model=f"py={BYTES}", wait=True, tls=None):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="foretoken-server-", suffix=".log")
        models = [model] if isinstance(model, str) else model
        command = [BINARY, "--port", "0", *[word for name in models for word in ("--model", name)], *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.url = ""
        for line in self.process.stdout:
            if found := re.search(r"https?://\S+", line):
                self.url = found.group().rstrip("/")
                break
        assert self.url, f"{command}: no URL printed; {self.stderr()}"
        self.port = int(self.url.rsplit(":", 1)[1])
        self.client = httpx.Client(base_url=self.url, timeout=120, verify=tls if tls else True)
        if wait:
            self.wait_until_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the server, at once."""
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def stderr(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def wait_until_ready(self, seconds=60):
        def is_ready():
            try:
                return self.get("/health").status_code == 200
            except httpx.TransportError:
                return self.process.poll() is not None

        wait_for(is_ready, seconds, "the server to be ready")
        if self.process.poll() is not None:
            raise RuntimeError(f"the server ended: {self.stderr()}")

    def get(self, path, **options):
        return self.client.get(path, **options)

    def post(self, path, body, **options):
        return self.client.post(path, json=body, **options)

    def complete(self, **body):
        """The answer of /v1/completions, which must be one."""
        answer = self.post("/v1/completions", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def socket(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def metric(self, name, **labels):
        """The sum of a metric's series with some labels, under its own name without `foretoken:`."""
        return sum(
            sample.value
            for family in text_string_to_metric_families(self.get("/metrics").text)
            for sample in family.samples
            if sample.name == f"foretoken:{name}" and labels.items() <= sample.labels.items()
        )

    def is_idle(self):
        return self.metric("num_requests_running") == 0 and self.metric("num_requests_waiting") == 0

    def memory(self):
        """The resident set in KiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def events(text):
    """The JSON objects of a stream of server-sent events, and whether it ended with [DONE]."""
    data = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
    done = bool(data) and data[-1] == "[DONE]"
    return [json.loads(line) for line in (data[:-1] if done else data)], done


def post_stream(server, path, body):
    """The chunks of a streamed answer."""
    answer = server.post(path, body | {"stream": True})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    chunks, done = events(answer.text)
    assert done, answer.text[-300:]
    return chunks


def infill_model(folder):
    """A folder with the byte model and Qwen's three tokens for texts with gaps, with the rows of a, b and c."""
    shutil.copytree(BYTES, folder, dirs_exist_ok=True)
    tokenizer = json.loads((BYTES / "tokenizer.json").read_text())
    for index, name in enumerate(("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")):
        tokenizer["added_tokens"].append(tokenizer["added_tokens"][0] | {"id": 258 + index, "content": name})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    # Head 1 is a Llama model; the others stay behind.
    shutil.rmtree(folder / "foretoken")
    config = json.loads((BYTES / "config.json").read_text())
    config |= {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 261}
    (folder / "config.json").write_text(json.dumps(config))
    data = (BYTES / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header, weights = json.loads(data[8:end]), bytearray()
    for entry in header.values():
        if "dtype" not in entry:
            continue
        values = data[end + entry["data_offsets"][0]:end + entry["data_offsets"][1]]
        if entry["shape"][0] == 258:
            row = len(values) // 258
            values += values[97 * row:100 * row]
            entry["shape"][0] = 261
        entry["data_offsets"] = [len(weights), len(weights) + len(values)]
        weights += values
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + weights)
    return folder
