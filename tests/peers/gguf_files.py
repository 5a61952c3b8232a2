"""Model files for llama.cpp, written in a moment and never downloaded.

``write_reciter`` makes a model that recites one sentence and ends: its attention does nothing, and its output matrix is
a table of successors. ``write_random`` has random weights and babbles until it is stopped, deterministically at
temperature 0; ``write_eye`` is a random vision tower for it, so that an answer depends on the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np

SENTENCE = (
    " Hello there I am a tiny deterministic model living inside your test suite"
    " and always reciting this same sentence until it ends"
)
_BABBLE = "the of and to in a is that for it as was with be by on not he his but at are this have from or had"
_TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
_BLANK = "\u2581"
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6
_END_OF_TEXT = 2


@dataclass(frozen=True)
class _Shape:
    width: int
    feed_forward: int
    heads: int
    key_heads: int
    layers: int
    context: int


@dataclass(frozen=True)
class _Vocabulary:
    tokens: Sequence[bytes]
    kinds: Sequence[int]
    scores: Sequence[float]
    first_word: int


def write_reciter(path: Path) -> None:
    """Write the model that recites ``SENTENCE``: the colon at the prompt's end is followed by its first word."""
    shape = _Shape(width=128, feed_forward=128, heads=4, key_heads=4, layers=1, context=4096)
    words = SENTENCE.split()
    vocabulary = _vocabulary(words)
    size = len(vocabulary.tokens)
    embedding = np.random.default_rng(0).normal(0, 1, (size, shape.width)).astype(np.float32)
    embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
    chain = [vocabulary.tokens.index(b":"), *range(vocabulary.first_word, vocabulary.first_word + len(words))]
    output = np.zeros_like(embedding)
    for before, after in zip(chain, [*chain[1:], _END_OF_TEXT], strict=True):
        output[after] += embedding[before] * 4
    writer = _llama(path, shape, vocabulary)
    _add_layers(writer, shape, lambda *size: np.zeros(size, np.float32))
    _finish(writer, embedding, output, shape)


def write_random(path: Path) -> None:
    """Write the model that babbles."""
    shape = _Shape(width=64, feed_forward=128, heads=4, key_heads=2, layers=2, context=32_768)
    vocabulary = _vocabulary(_BABBLE.split())
    weights = _random_weights(0)
    embedding = weights(len(vocabulary.tokens), shape.width)
    output = weights(len(vocabulary.tokens), shape.width)
    output[: vocabulary.first_word] = 0  # no bytes, and no end: words are likelier
    writer = _llama(path, shape, vocabulary)
    _add_layers(writer, shape, weights)
    _finish(writer, embedding, output, shape)


def write_eye(path: Path) -> None:
    """Write a vision tower of the LLaVA kind that fits ``write_random``'s width."""
    side, patch, width, feed_forward, layers, out = 56, 14, 64, 128, 2, 64
    writer = gguf.GGUFWriter(str(path), "clip")
    writer.add_type("mmproj")
    for name, flag in {"has_vision_encoder": True, "has_text_encoder": False, "has_llava_projector": True}.items():
        writer.add_bool(f"clip.{name}", flag)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", False)
    numbers = {
        "image_size": side,
        "patch_size": patch,
        "embedding_length": width,
        "feed_forward_length": feed_forward,
        "projection_dim": out,
        "block_count": layers,
        "attention.head_count": 4,
    }
    for name, number in numbers.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5] * 3)
    writer.add_array("clip.vision.image_std", [0.5] * 3)
    writer.add_file_type(0)
    weights = _random_weights(1)
    writer.add_tensor("v.class_embd", weights(width))
    writer.add_tensor("v.patch_embd.weight", weights(width, 3, patch, patch))
    writer.add_tensor("v.position_embd.weight", weights((side // patch) ** 2 + 1, width))
    for name in ("pre_ln", "post_ln"):
        _add_norm(writer, f"v.{name}", width)
    for layer in range(layers):
        _add_sight_layer(writer, f"v.blk.{layer}", width, feed_forward)
    for name, rows, columns in (("mm.0", out, width), ("mm.2", out, out)):
        _add_linear(writer, name, weights(rows, columns))
    _write(writer)


def _vocabulary(words: Sequence[str]) -> _Vocabulary:
    special = [b"<unk>", b"<s>", b"</s>"]
    raw = [f"<0x{number:02X}>".encode() for number in range(256)]
    whole = [(_BLANK + word).encode() for word in words]
    letters = [chr(code).encode() for code in range(33, 127)] + [_BLANK.encode()]
    return _Vocabulary(
        tokens=[*special, *raw, *whole, *letters],
        kinds=[_UNKNOWN, _CONTROL, _CONTROL, *[_BYTE] * 256, *[_NORMAL] * (len(whole) + len(letters))],
        scores=[*[0.0] * 259, *[-float(rank) for rank in range(len(whole))], *[-1000.0] * len(letters)],
        first_word=259,
    )


def _llama(path: Path, shape: _Shape, vocabulary: _Vocabulary) -> Any:
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_file_type(0)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.kinds)
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(_END_OF_TEXT)
    writer.add_add_bos_token(True)
    writer.add_chat_template(_TEMPLATE)
    return writer


def _add_layers(writer: Any, shape: _Shape, weights: Any) -> None:
    width, keys = shape.width, shape.width // shape.heads * shape.key_heads
    sizes = {
        "attn_q": (width, width),
        "attn_k": (keys, width),
        "attn_v": (keys, width),
        "attn_output": (width, width),
        "ffn_gate": (shape.feed_forward, width),
        "ffn_up": (shape.feed_forward, width),
        "ffn_down": (width, shape.feed_forward),
    }
    for layer in range(shape.layers):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(width, np.float32))
        for name, size in sizes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", weights(*size))


def _add_sight_layer(writer: Any, name: str, width: int, feed_forward: int) -> None:
    weights = _random_weights(2)
    for attention in ("attn_q", "attn_k", "attn_v", "attn_out"):
        _add_linear(writer, f"{name}.{attention}", weights(width, width))
    for norm in ("ln1", "ln2"):
        _add_norm(writer, f"{name}.{norm}", width)
    _add_linear(writer, f"{name}.ffn_down", weights(feed_forward, width))
    _add_linear(writer, f"{name}.ffn_up", weights(width, feed_forward))


def _add_linear(writer: Any, name: str, weight: Any) -> None:
    writer.add_tensor(f"{name}.weight", weight)
    writer.add_tensor(f"{name}.bias", np.zeros(weight.shape[0], np.float32))


def _add_norm(writer: Any, name: str, width: int) -> None:
    writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))


def _random_weights(seed: int) -> Any:
    random = np.random.default_rng(seed)
    return lambda *size: random.normal(0, 0.08, size).astype(np.float32)


def _finish(writer: Any, embedding: Any, output: Any, shape: _Shape) -> None:
    writer.add_tensor("token_embd.weight", embedding)
    writer.add_tensor("output_norm.weight", np.ones(shape.width, np.float32))
    writer.add_tensor("output.weight", output)
    _write(writer)


def _write(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
