"""Small random GGUF models of each architecture, with the logits that transformers computes with their weights.

Run in this folder, with torch, transformers, tokenizers, safetensors and gguf:  python make.py
Made with gguf 0.19.0, transformers 5.24.0, tokenizers 0.23 and torch 2.13.0. The files are written by the gguf package, with the
names, the row order and the metadata of llama.cpp's convert_hf_to_gguf.py; weights are quantized by gguf.quants or are random
blocks, and the logits are those of the weights that gguf.quants.dequantize gives.

NAME.gguf          the model
NAME.safetensors   tokens and logits
NAME.json          texts and their tokens by the `tokenizers` package, with the definition that the family publishes
spm.gguf           a SentencePiece vocabulary without a model
spm.model          the SentencePiece model that it stands for, serialized by the sentencepiece package
spm-plain.gguf     one without pieces that cut the text, and with one score for all runs of spaces, as Llama 2's
spm-plain.json     texts and their tokens by the sentencepiece package
"""

import io
import json
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import torch
from gguf import GGMLQuantizationType as T
from gguf import TokenType
from safetensors.torch import save_file
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

random = np.random.default_rng(23)
K_TYPES = {T.Q4_K: 144, T.Q5_K: 176, T.Q6_K: 210}
PARTS = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
         "lm_head.weight": "output.weight"}
SIZES = dict(
    vocab_size=288, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=256, eos_token_id=257)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)


def gguf_name(name):
    if name in WHOLE:
        return WHOLE[name]
    pieces = name.split(".")
    return f"blk.{pieces[2]}.{PARTS['.'.join(pieces[3:-1])]}.{pieces[-1]}"


def permute(rows, heads):
    """convert_hf_to_gguf.py's: halves to pairs."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def unpermute(rows, heads):
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def quantized(weight, kind):
    """The stored bytes and the weights that they stand for."""
    if kind == T.F32:
        return weight, weight
    if kind in K_TYPES:
        size = K_TYPES[kind]
        data = random.integers(0, 256, (weight.size // 256, size), dtype=np.uint8)
        scale = np.float32(weight.shape[1] ** -0.5)
        if kind == T.Q6_K:
            data[:, 208:210] = np.full((len(data), 1), scale / 1300, np.float16).view(np.uint8)
        else:
            top = 15 if kind == T.Q4_K else 31
            pair = np.array([[scale / (12 * top), scale / 24]], np.float16)
            data[:, :4] = np.repeat(pair, len(data), 0).view(np.uint8)
        data = data.reshape(weight.shape[0], -1)
    else:
        data = gguf.quants.quantize(weight, kind)
    raw = data.view(np.uint8) if kind == T.BF16 else data
    return data, np.asarray(gguf.quants.dequantize(raw, kind), np.float32).reshape(weight.shape)


def vocabulary(pre):
    """A small byte-level vocabulary; some of its merges cross what a pre-tokenizer splits."""
    alphabet = [chr(c) for c in sorted(set(range(33, 127)) | set(range(161, 173)) | set(range(174, 256)))]
    alphabet += [chr(256 + n) for n in range(256 - len(alphabet))]
    pairs = ["Ġ t", "h e", "Ġt he", "1 2", "12 3", "e r", "l l", "Ġ Ġ", "' s", "Ċ Ċ", "a Ì", "aÌ ģ", "Ã ¡", "Ġ 1", "! !", ". Ċ"]
    specials = ["<|begin|>", "<|end|>", "<|turn|>", "<|pad|>"]
    words = alphabet + specials + ["<tool>"] + [pair.replace(" ", "") for pair in pairs]
    kinds = [TokenType.NORMAL] * 256 + [TokenType.CONTROL] * 4 + [TokenType.USER_DEFINED] + [TokenType.NORMAL] * len(pairs)
    for number in range(len(words), 288):
        words.append(f"[PAD{number}]")
        kinds.append(TokenType.UNUSED)
    tail = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    head = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
    used = {word: n for n, (word, kind) in enumerate(zip(words, kinds)) if kind != TokenType.UNUSED}
    tokenizer = Tokenizer(models.BPE(
        vocab=used, merges=[tuple(pair.split(" ")) for pair in pairs], ignore_merges=pre == "llama-bpe"))
    split = {
        "gpt-2": lambda: [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)],
        "smollm": lambda: [pre_tokenizers.Digits(individual_digits=True),
                           pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)],
        "llama-bpe": lambda: [pre_tokenizers.Split(Regex(head + r"\p{N}{1,3}|" + tail), "isolated"),
                              pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)],
        "qwen2": lambda: [pre_tokenizers.Split(Regex(head + r"\p{N}|" + tail), "isolated"),
                          pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]}[pre]()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(split)
    if pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(word, normalized=False, special=True) for word in specials])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    # Special tokens' names in a text are text here: Foretoken's encode does not parse them.
    tokenizer.encode_special_tokens = True
    return words, kinds, pairs, tokenizer


TEXTS = ["", "the the  the\n\nthe's 123 1234567", "a\u0301 \u00e1 \u1113\u1166 <tool> <|end|>", "IT'S we'LL\r\n\t !!!.\n", "日本語 🙂 ½²\u0660"]


def add_vocabulary(writer, name, pre, begins):
    words, kinds, pairs, tokenizer = vocabulary(pre)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(words)
    writer.add_token_types(kinds)
    writer.add_token_merges(pairs)
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)
    writer.add_eot_token_id(258)
    writer.add_pad_token_id(259)
    if begins is not None:
        writer.add_add_bos_token(begins)
    writer.add_chat_template([
        {"name": "default", "template": "{% for m in messages %}<|turn|>{{ m.content }}<|end|>{% endfor %}"},
        {"name": "tool_use", "template": "{{ tools }}"}])
    texts = [{"text": text, "tokens": tokenizer.encode(text, add_special_tokens=False).ids} for text in TEXTS]
    Path(f"{name}.json").write_text(json.dumps(texts, indent=1) + "\n")


def make(name, architecture, config, kinds, pre=None, begins=None):
    torch.manual_seed(len(name))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    writer = gguf.GGUFWriter(f"{name}.gguf", architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    if head * config.num_attention_heads != config.hidden_size or architecture == "qwen3":
        writer.add_key_length(head)
        writer.add_value_length(head)
    if architecture == "llama":
        writer.add_vocab_size(config.vocab_size)
        writer.add_rope_dimension_count(head)
    if pre:
        add_vocabulary(writer, name, pre, begins)
    if config.rope_parameters.get("rope_type") == "llama3":
        # convert_hf_to_gguf.py's generate_extra_tensors, in float32 as there.
        rope = config.rope_parameters
        frequencies = 1.0 / (rope["rope_theta"] ** (torch.arange(0, head, 2, dtype=torch.float32) / head))
        low = rope["original_max_position_embeddings"] / rope["low_freq_factor"]
        high = rope["original_max_position_embeddings"] / rope["high_freq_factor"]
        factors = []
        for frequency in frequencies:
            length = 2 * np.pi / frequency
            if length < high:
                factors.append(1)
            elif length > low:
                factors.append(rope["factor"])
            else:
                smooth = (rope["original_max_position_embeddings"] / length - rope["low_freq_factor"]) / (
                    rope["high_freq_factor"] - rope["low_freq_factor"])
                factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
        print(name, factors)
        writer.add_tensor("rope_freqs.weight", np.array(factors, np.float32))
    next_kind = 0
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if weight.ndim == 2:
                weight.normal_(0, weight.shape[1] ** -0.5)
            else:
                weight.normal_(0 if key.endswith("bias") else 1, 0.3)
            data, kind = weight.numpy().copy(), T.F32
            heads = config.num_attention_heads if ".q_proj." in key else config.num_key_value_heads
            is_paired = architecture == "llama" and (".q_proj." in key or ".k_proj." in key)
            if is_paired:
                data = permute(data, heads)
            if weight.ndim == 2:
                kind = kinds[next_kind % len(kinds)]
                next_kind += 1
                if data.shape[1] % 256 and kind in K_TYPES:
                    kind = T.Q8_0
            stored, shown = quantized(data, kind)
            weight.copy_(torch.from_numpy(np.array(unpermute(shown, heads) if is_paired else shown)))
            writer.add_tensor(gguf_name(key), stored, raw_dtype=None if kind in (T.F32, T.F16) else kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tokens = torch.randint(0, config.vocab_size, (1, 48))
    with torch.no_grad():
        logits = model(tokens).logits[0]
    print(name, float(logits.abs().max()), Path(f"{name}.gguf").stat().st_size)
    save_file({"tokens": tokens[0], "logits": logits.contiguous()}, f"{name}.safetensors")


make("llama-k", "llama", LlamaConfig(
    **{**SIZES, "vocab_size": 40, "hidden_size": 256, "intermediate_size": 32}, head_dim=16, rope_theta=500.0,
    rope_scaling=LLAMA3), [T.Q4_K, T.Q5_K, T.Q6_K])
make("llama-bias", "llama", LlamaConfig(**SIZES, attention_bias=True, tie_word_embeddings=True, rope_theta=1e5),
     [T.Q8_0, T.Q4_0, T.Q5_0], "smollm", False)
make("mistral", "llama", LlamaConfig(**SIZES, head_dim=10, rope_theta=1e6), [T.F32, T.F16, T.BF16], "llama-bpe")
make("qwen2", "qwen2", Qwen2Config(**SIZES, tie_word_embeddings=True, rope_theta=1e6), [T.Q4_1, T.Q5_1], "qwen2")
make("qwen3", "qwen3", Qwen3Config(**SIZES, head_dim=16, rope_theta=1e6), [T.F16, T.Q8_0], "gpt-2", True)


def train_pieces(**settings):
    """A small vocabulary like Llama 2's."""
    trained = io.BytesIO()
    text = (Path(__file__).read_text() + " ".join(TEXTS)).split("\n")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text), model_writer=trained, model_type="bpe", vocab_size=400, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, num_threads=1, **settings)
    return sentencepiece_model_pb2.ModelProto.FromString(trained.getvalue())


def write_pieces(name, pieces):
    writer = gguf.GGUFWriter(name, "llama")
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([piece[0] for piece in pieces])
    writer.add_token_scores([piece[1] for piece in pieces])
    writer.add_token_types([piece[2] for piece in pieces])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def make_pieces():
    """With unused pieces that a converter calls unknown."""
    original = train_pieces(user_defined_symbols=["<tool>"])
    pieces = [(piece.piece, piece.score, piece.type) for piece in original.pieces] + [("[PAD400]", -1000.0, 2)]
    write_pieces("spm.gguf", pieces)
    model = sentencepiece_model_pb2.ModelProto()
    for text, score, kind in pieces:
        model.pieces.add(piece=text, score=score, type=5 if text == "[PAD400]" else kind)
    spec = model.trainer_spec
    spec.model_type, spec.vocab_size, spec.byte_fallback = 2, len(pieces), True
    spec.unk_id, spec.bos_id, spec.eos_id, spec.pad_id = 0, 1, 2, -1
    spec.unk_piece, spec.bos_piece, spec.eos_piece = "<unk>", "<s>", "</s>"
    rules = model.normalizer_spec
    rules.name, rules.add_dummy_prefix, rules.remove_extra_whitespaces, rules.escape_whitespaces = "identity", True, False, True
    data = model.SerializeToString(deterministic=True)
    Path("spm.model").write_bytes(data)
    first = sentencepiece.SentencePieceProcessor(model_proto=original.SerializeToString())
    second = sentencepiece.SentencePieceProcessor(model_proto=data)
    assert (second.unk_id(), second.bos_id(), second.eos_id(), second.pad_id()) == (0, 1, 2, -1)
    for text in TEXTS + Path(__file__).read_text().split("\n"):
        assert first.encode(text) == second.encode(text), text


def make_plain_pieces():
    original = train_pieces()
    for length in range(2, 9):
        original.pieces.add(piece="\u2581" * length, score=-1e9, type=1)
    known = set()
    pieces = []
    for piece in original.pieces:
        # Runs of spaces only once, with their common score.
        if set(piece.piece) == {"\u2581"} and len(piece.piece) > 1 and piece.score != np.float32(-1e9):
            piece.piece = "\ue000" + piece.piece
        assert piece.piece not in known
        known.add(piece.piece)
        pieces.append((piece.piece, piece.score, piece.type))
    write_pieces("spm-plain.gguf", pieces)
    processor = sentencepiece.SentencePieceProcessor(model_proto=original.SerializeToString())
    draw = np.random.default_rng(5)
    texts = TEXTS + ["".join(draw.choice(list(alphabet), draw.integers(0, 40))) for alphabet in
                     ["  a", "  \n1", "def (x):=  ", "\u2581 ab", "aeé日🙂 <s>"] for _ in range(40)]
    texts += [line for line in Path(__file__).read_text().split("\n") if line][:60]
    rows = [{"text": text, "tokens": processor.encode(text)} for text in texts]
    Path("spm-plain.json").write_text(json.dumps(rows, indent=0) + "\n")


make_pieces()
make_plain_pieces()
