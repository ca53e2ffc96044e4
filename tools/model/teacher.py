"""The teacher: a BERT encoder in NumPy, run over very short inputs.

Distillation asks the teacher for one vector per vocabulary token, thirty thousand inputs of three tokens each. That needs
no deep-learning framework, and in double precision the result does not depend on how many threads did it.
"""

import json
import math
import struct
from pathlib import Path

import numpy as np
from scipy.special import erf


def read_safetensors(path):
    """Returns the tensors of a safetensors file by name; only 32-bit floats are understood."""
    data = Path(path).read_bytes()
    (header_len,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + header_len])
    tensors = {}
    for name, info in header.items():
        if name == "__metadata__" or info["dtype"] != "F32":
            continue
        start, end = (8 + header_len + offset for offset in info["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], dtype="<f4").reshape(info["shape"])
    return tensors


class Teacher:
    """A BertModel folder (config.json, vocab.txt, model.safetensors) that maps token ids to hidden states."""

    def __init__(self, folder, dtype=np.float64):
        folder = Path(folder)
        config = json.loads((folder / "config.json").read_text())
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise SystemExit(f"{folder}: only BERT with GELU is understood")
        self.dtype = dtype
        self.n_layers = config["num_hidden_layers"]
        self.n_heads = config["num_attention_heads"]
        self.epsilon = config["layer_norm_eps"]
        self.weights = {
            name.removeprefix("bert."): tensor.astype(dtype)
            for name, tensor in read_safetensors(folder / "model.safetensors").items()
        }
        self.vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")[: config["vocab_size"]]

    def _norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        x = x - mean
        x /= np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _linear(self, x, name):
        # One large product: NumPy multiplies a three-dimensional array matrix by matrix.
        flat = x.reshape(-1, x.shape[-1]) @ self.weights[f"{name}.weight"].T
        return flat.reshape(*x.shape[:-1], -1) + self.weights[f"{name}.bias"]

    def hidden_states(self, ids):
        """Yields the output of the embedding layer and of each encoder layer for `ids` (inputs × tokens)."""
        n_inputs, n_tokens = ids.shape
        x = (
            self.weights["embeddings.word_embeddings.weight"][ids]
            + self.weights["embeddings.position_embeddings.weight"][:n_tokens]
            + self.weights["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        yield x
        dims = x.shape[-1]
        head = dims // self.n_heads
        for layer in range(self.n_layers):
            prefix = f"encoder.layer.{layer}"
            query, key, value = (
                self._linear(x, f"{prefix}.attention.self.{part}")
                .reshape(n_inputs, n_tokens, self.n_heads, head)
                .transpose(0, 2, 1, 3)
                for part in ("query", "key", "value")
            )
            scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(head)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            mixed = (scores @ value).transpose(0, 2, 1, 3).reshape(n_inputs, n_tokens, dims)
            x = self._norm(x + self._linear(mixed, f"{prefix}.attention.output.dense"), f"{prefix}.attention.output.LayerNorm")
            inner = self._linear(x, f"{prefix}.intermediate.dense")
            inner *= 0.5 * (1.0 + erf(inner * math.sqrt(0.5)))
            x = self._norm(x + self._linear(inner, f"{prefix}.output.dense"), f"{prefix}.output.LayerNorm")
            yield x
