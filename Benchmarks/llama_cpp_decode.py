"""Seconds per llama.cpp decoding pass by pass width, for a Llama shape with random weights, as `foretoken bench decode`.

    python llama_cpp_decode.py --vocabulary 32000 --width 768 --layers 12 --attention-heads 12 --type q8_0 --folder /tmp/gguf

Needs `llama-cpp-python` (compiled for this machine) and `gguf`. The model file is created once in --folder. Every pass follows
--filled cached tokens and computes the logits of all its tokens, as verification does. Prints one JSON object.
"""

import argparse
import ctypes
import json
import os
import statistics
import time

import gguf
import llama_cpp
import numpy as np

TYPES = {"f32": ("ALL_F32", "F32"), "f16": ("MOSTLY_F16", "F16"), "bf16": ("MOSTLY_BF16", "BF16"), "q8_0": ("MOSTLY_Q8_0", "Q8_0")}


def write(a, path):
    """A Llama with random weights; norms are float32, as written by llama.cpp's converter."""
    writer = gguf.GGUFWriter(path, "llama")
    file_type, kind = TYPES[a.type]
    kind = gguf.GGMLQuantizationType[kind]
    writer.add_file_type(gguf.LlamaFileType[file_type])
    writer.add_vocab_size(a.vocabulary)
    writer.add_context_length(4096)
    writer.add_embedding_length(a.width)
    writer.add_block_count(a.layers)
    writer.add_feed_forward_length(a.inner)
    writer.add_head_count(a.attention_heads)
    writer.add_head_count_kv(a.key_value_heads)
    writer.add_rope_dimension_count(a.width // a.attention_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("no_vocab")
    random, made = np.random.default_rng(0), {}

    def matrix(name, rows, columns):
        if (rows, columns) not in made:  # One matrix per shape: the values do not affect the time.
            values = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(columns**-0.5)
            made[rows, columns] = values if a.type == "f32" else gguf.quants.quantize(values, kind)
        packed = made[rows, columns]
        writer.add_tensor(name, packed, raw_dtype=kind if packed.dtype == np.uint8 else None)

    norm = lambda name: writer.add_tensor(name, np.ones(a.width, dtype=np.float32))
    matrix("token_embd.weight", a.vocabulary, a.width)
    matrix("output.weight", a.vocabulary, a.width)
    norm("output_norm.weight")
    kv = a.width // a.attention_heads * a.key_value_heads
    for layer in range(a.layers):
        block = f"blk.{layer}."
        norm(block + "attn_norm.weight"), norm(block + "ffn_norm.weight")
        matrix(block + "attn_q.weight", a.width, a.width), matrix(block + "attn_output.weight", a.width, a.width)
        matrix(block + "attn_k.weight", kv, a.width), matrix(block + "attn_v.weight", kv, a.width)
        matrix(block + "ffn_gate.weight", a.inner, a.width), matrix(block + "ffn_up.weight", a.inner, a.width)
        matrix(block + "ffn_down.weight", a.width, a.inner)
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_tensors_to_file()
    writer.close()


def measure(a, path):
    quiet = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    settings = llama_cpp.llama_model_default_params()
    settings.use_mmap = False
    model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
    assert model, f"{path}: llama.cpp does not read it"
    options = llama_cpp.llama_context_default_params()
    options.n_ctx, options.n_batch, options.n_ubatch = 1024, 512, 512
    options.n_threads = options.n_threads_batch = a.threads
    context = llama_cpp.llama_init_from_model(model, options)
    memory = llama_cpp.llama_get_memory(context)
    batch = llama_cpp.llama_batch_init(512, 0, 1)

    def forward(tokens, start):
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, start + i, 1, 0, 1
        begin = time.perf_counter()
        assert llama_cpp.llama_decode(context, batch) == 0
        llama_cpp.llama_synchronize(context)
        return time.perf_counter() - begin

    tokens = [(i * 7919 + 11) % a.vocabulary for i in range(a.filled + 64)]
    forward(tokens[: a.filled], 0)
    widths, samples = [int(w) for w in a.pass_widths.split(",")], {}
    end = time.monotonic() + a.seconds
    while time.monotonic() < end or len(samples[widths[0]]) < 5:
        for width in widths:
            samples.setdefault(width, []).append(forward(tokens[:width], a.filled))
            llama_cpp.llama_memory_seq_rm(memory, 0, a.filled, -1)
    seconds = [statistics.median(samples[w]) for w in widths]
    return {"passWidths": widths, "secondsPerPass": seconds, "tokensPerSecond": widths[0] / seconds[0], "weights": a.type,
            "llama_cpp_python": llama_cpp.__version__}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shape = dict(vocabulary=32000, width=768, layers=12, attention_heads=12, key_value_heads=0, feed_forward_width=0, filled=128, threads=2)
    for name, value in shape.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=value)
    parser.add_argument("--type", choices=TYPES, default="f32")
    parser.add_argument("--pass-widths", default="1,2,4,8")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--folder", required=True, help="where the models' files are kept")
    a = parser.parse_args()
    a.inner = a.feed_forward_width or (8 * a.width // 3 + 255) // 256 * 256
    a.key_value_heads = a.key_value_heads or a.attention_heads
    os.makedirs(a.folder, exist_ok=True)
    path = os.path.join(a.folder, f"{a.vocabulary}-{a.width}-{a.layers}-{a.key_value_heads}-{a.inner}-{a.type}.gguf")
    if not os.path.exists(path):
        write(a, path + ".part")
        os.rename(path + ".part", path)
    print(json.dumps(measure(a, path)))
