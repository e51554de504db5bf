"""What a sentence most likely asks for, by its likeness to example sentences: for wording that no list has.

all-MiniLM-L6-v2, computed with numpy from 8-bit weights, and a linear layer that was fitted to the examples. It gives
hints only: the planner uses them where its rules found nothing, and never to change a photo at a question.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clarity_desktop import settings

log = logging.getLogger(__name__)

LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 64
"""Tokens of a sentence that are read."""
_FIRST, _LAST, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"


class Intent(NamedTuple):
    """name: a task, a tool or a setting with its direction, as in the head of examples_en.txt."""

    name: str
    probability: float


def intents_of(text: str, language: str = "en") -> tuple[Intent, ...]:
    """What a text may ask for, the most likely first; nothing where the model is not installed."""
    model = _model(language)
    if model is None:
        return ()
    scores = model.embedding(text) @ model.weights["head.weight"] + model.weights["head.bias"]
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    order = np.argsort(-shares)
    return tuple(Intent(model.names[k], float(shares[k])) for k in order)


@cache
def _model(language: str) -> SentenceModel | None:
    from safetensors.numpy import load

    file = settings.resources() / "words" / f"sentences_{language}.safetensors"
    if not file.is_file():
        log.info("There is no model of sentences; unknown wording is not understood.")
        return None
    stored = file.read_bytes()
    header = json.loads(stored[8 : 8 + int.from_bytes(stored[:8], "little")])["__metadata__"]
    return SentenceModel(load(stored), json.loads(header["vocabulary"]), json.loads(header["names"]))


class SentenceModel:
    """The network with its vocabulary and the names of the intents."""

    def __init__(self, tensors: Mapping[str, Any], vocabulary: Sequence[str], names: Sequence[str]) -> None:
        """tensors: 8-bit rows with their scales in `NAME.scale` (float16), and float32 for all that is small."""
        self.names = list(names)
        self.weights: dict[str, NDArray[np.float32]] = {}
        for name, tensor in tensors.items():
            if name.endswith(".scale") or name == "words":
                continue
            scale = tensors.get(f"{name}.scale")
            values = tensor.astype(np.float32)
            self.weights[name] = values if scale is None else values * scale.astype(np.float32)[:, None]
        self._words, self._word_scale = tensors["words"], tensors["words.scale"].astype(np.float32)
        self._ids = {word: at for at, word in enumerate(vocabulary)}

    def tokens(self, text: str) -> list[int]:
        """The word pieces of a text: the longest known beginning of each rest."""
        plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
        pieces: list[str] = []
        for word in re.findall(r"\w+|[^\w\s]", plain):
            pieces += self._pieces(word)
        return [self._ids[piece] for piece in (_FIRST, *pieces[: MAX_TOKENS - 2], _LAST)]

    def _pieces(self, word: str) -> list[str]:
        found: list[str] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next((e for e in range(len(word), start, -1) if prefix + word[start:e] in self._ids), None)
            if end is None:
                return [_UNKNOWN]
            found.append(prefix + word[start:end])
            start = end
        return found

    def words(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of word pieces by their ids: (…)×WIDTH float32."""
        return self._words[ids].astype(np.float32) * self._word_scale[ids][..., None]

    def embedding(self, text: str) -> NDArray[np.float32]:
        """The mean of the last layer's tokens, as a vector of length 1: WIDTH float32."""
        ids = self.tokens(text)
        x = self._normal(self.words(np.array(ids)) + self.weights["positions"][: len(ids)], "words.norm")
        for layer in range(LAYERS):
            x = self._normal(x + self._attention(x, f"{layer}.attention"), f"{layer}.attention.norm")
            hidden = self._linear(x, f"{layer}.in")
            # GELU by its usual approximation.
            hidden *= 0.5 * (1 + np.tanh(0.7978846 * (hidden + 0.044715 * hidden**3)))
            x = self._normal(x + self._linear(hidden, f"{layer}.out"), f"{layer}.norm")
        mean = x.mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)

    def _attention(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        q, k, v = (
            self._linear(x, f"{name}.{part}").reshape(len(x), HEADS, -1).transpose(1, 0, 2) for part in ("q", "k", "v")
        )
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(WIDTH / HEADS)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return self._linear((scores @ v).transpose(1, 0, 2).reshape(len(x), WIDTH), f"{name}.out")

    def _linear(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _normal(self, x: NDArray[np.float32], name: str) -> NDArray[np.float32]:
        mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-12) * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
