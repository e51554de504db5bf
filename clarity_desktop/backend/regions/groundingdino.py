"""GroundingDINO SwinT (Liu et al., 2023) by the `groundingdino-py` package: boxes of whatever words name.

The network and the vocabulary of its text encoder come from the store of weights; nothing is asked of the network. The
text encoder's weights are part of the checkpoint.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import library_shims, torch_import
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.regions.pauses import Pauses
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Pixels

ID, TITLE = "groundingdino-swint", "GroundingDINO SwinT"
VOCABULARY = "bert-vocabulary"
WEIGHTS = (ID, VOCABULARY)
SHORTER, LONGER = 800, 1333
"""Sides in pixels of what the network sees: the shorter one has that length unless the longer one would exceed its."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MIN_SCORE, MIN_WORD = 0.35, 0.25
"""The published thresholds of a box, and of a word to be part of its label."""
MAX_OVERLAP = 0.7
"""Intersection over union from which two boxes of one label are the same object."""
UNUSED = ("label_enc.weight", "bert.embeddings.position_ids")
"""Tensors of the checkpoint that only training uses."""
LONGEST = 300
"""Characters of a phrase."""


class Found(NamedTuple):
    """A box: the words that it fits, how certain it is (0..1), and where."""

    label: str
    score: float
    bounds: Bounds


def is_ready(store: WeightStore) -> bool:
    """Whether it can be used without a download."""
    return _is_installed() and all(store.is_ready(name) for name in WEIGHTS)


def absent(store: WeightStore) -> tuple[str, ...]:
    """The models to download before it can be used; none as well where its packages are not installed."""
    return tuple(name for name in WEIGHTS if not store.is_ready(name)) if _is_installed() else ()


def _is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("groundingdino", "transformers"))


def find(
    pixels: Pixels, phrase: str, models: ModelCache, store: WeightStore, checkpoint: Callable[[], None] = lambda: None
) -> list[Found]:  # fmt: skip
    """The boxes of what a phrase names in a photo (H×W×3 RGB, uint8 or uint16), the most certain first.

    Several things are separated by " . ". Raises ModelMissing, UserError, and what checkpoint raises.
    """
    caption = caption_of(phrase)
    if not _is_installed():
        raise UserError("regions.no_groundingdino")
    files = store.need(WEIGHTS)
    torch_import.import_torch()
    size = sum(file.stat().st_size for file in files.values())
    net: Network = models.get(ModelKey(ID, TITLE), lambda: load(files[ID], files[VOCABULARY]), size)
    return boxes_of(*net.run(network_input(pixels), caption, checkpoint), pixels.shape[1], pixels.shape[0])


def caption_of(phrase: str) -> str:
    """A phrase as the network reads it. Raises UserError for one without letters, and for one that is too long."""
    words = " ".join(phrase.casefold().split()).rstrip(" .")
    if not any(letter.isalnum() for letter in words):
        raise UserError("regions.no_words")
    if len(words) > LONGEST:
        raise UserError("regions.words_too_long", limit=LONGEST)
    return words + "."


def network_input(pixels: Pixels) -> NDArray[np.float32]:
    """H×W×3 RGB (uint8 or uint16) as the network sees it: 1×3×h×w float32, normalized."""
    height, width = pixels.shape[:2]
    scale = min(SHORTER / min(height, width), LONGER / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(to_8_bits(pixels), size, interpolation=method), np.float32) / np.float32(255)
    values = (small - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))[None]


def boxes_of(
    scores: NDArray[np.float32], boxes: NDArray[np.float32], words: Sequence[str], width: int, height: int
) -> list[Found]:
    """The boxes of a photo of width × height pixels, the most certain first, each object once.

    scores: n×t in 0..1, of each of the t words; boxes: n×4 float32, center and size as shares of the photo. words: an
    empty one never is part of a label.
    """
    best = scores[:, : len(words)].max(1, initial=0)
    found: list[Found] = []
    for k in np.argsort(-best):
        if not best[k] >= MIN_SCORE:  # NaN as well
            break
        box = _bounds(boxes[k], width, height)
        label = _label([word for word, score in zip(words, scores[k], strict=False) if word and score > MIN_WORD])
        if box.area and all(label != other.label or _overlap(box, other.bounds) < MAX_OVERLAP for other in found):
            found.append(Found(label, float(best[k]), box))
    return found


def _bounds(box: NDArray[np.float32], width: int, height: int) -> Bounds:
    x, y, across, down = (float(v) for v in np.nan_to_num(box).clip(0, 1))
    left, top = round((x - across / 2) * width), round((y - down / 2) * height)
    right, bottom = round((x + across / 2) * width), round((y + down / 2) * height)
    return Bounds(left, top, right - left, bottom - top).cut(Bounds(0, 0, width, height))


def _label(pieces: Sequence[str]) -> str:
    """The words of word pieces: "##s" continues the one before."""
    return " ".join(pieces).replace(" ##", "").removeprefix("##")


def _overlap(a: Bounds, b: Bounds) -> float:
    shared = a.cut(b).area
    return shared / (a.area + b.area - shared)


class Network:
    """The loaded network. Safe for several threads."""

    def __init__(self, net: Any) -> None:
        """net: as `build` makes it, with weights."""
        self._net = net
        self._pauses = Pauses(net)

    def run(
        self, seen: NDArray[np.float32], caption: str, checkpoint: Callable[[], None] = lambda: None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str]]:
        """Scores n×t (0..1), boxes n×4 (float32, shares of the photo) and the t word pieces of a caption.

        seen: 1×3×h×w float32. Raises what checkpoint raises.
        """
        import torch

        tokenizer = self._net.tokenizer
        ids: list[int] = tokenizer(caption)["input_ids"]
        special = {*tokenizer.all_special_tokens, "."}
        words = ["" if word in special else word for word in tokenizer.convert_ids_to_tokens(ids)]
        _quiet()
        with torch.inference_mode(), self._pauses.calling(checkpoint):
            made = self._net(torch.from_numpy(seen), captions=[caption])
        scores = made["pred_logits"][0].sigmoid().float().cpu().numpy()
        return scores, made["pred_boxes"][0].float().cpu().numpy(), words


def load(weights: Path, vocabulary: Path) -> Network:
    """The network with the weights of two safetensors files. Raises UserError unless they hold exactly its tensors."""
    from safetensors.numpy import load_file as load_arrays
    from safetensors.torch import load_file

    net = build(bytes(load_arrays(vocabulary)["file"]).decode())
    state = {name: values for name, values in load_file(weights).items() if name not in UNUSED}
    wanted: Mapping[str, Any] = net.state_dict()
    wrong = [name for name in wanted if name not in state or state[name].shape != wanted[name].shape]
    if wrong or len(state) > len(wanted):
        tensor = (wrong or sorted(set(state) - set(wanted)))[0]
        raise UserError("regions.checkpoint", title=TITLE, model=ID, tensor=tensor)
    net.load_state_dict(state, assign=True)
    return Network(net.eval().requires_grad_(False))


_building = threading.Lock()


def build(vocabulary: str) -> Any:
    """The network with random weights. vocabulary: the word pieces of its text encoder, one a line."""
    library_shims.bert_ready()
    _quiet()
    from transformers import BertConfig, BertModel, BertTokenizer, logging

    logging.set_verbosity_error()  # it advises those who call it on names that the package uses

    config: Any = importlib.import_module("groundingdino.config.GroundingDINO_SwinT_OGC")
    models: Any = importlib.import_module("groundingdino.models")
    encoders: Any = importlib.import_module("groundingdino.util.get_tokenlizer")
    # Lines end with a line feed alone: other characters that Unicode counts as line ends may be words.
    pieces = {word: k for k, word in enumerate(vocabulary.removesuffix("\n").split("\n"))}

    # The package would ask the network for the text encoder and its vocabulary. BertConfig() is that of the published
    # encoder, but for the number of words.
    def tokenizer(_kind: object) -> Any:
        return BertTokenizer(vocab=pieces, do_lower_case=True)

    def encoder(_kind: object) -> Any:
        return BertModel(BertConfig(vocab_size=len(pieces)))

    made = {"get_tokenlizer": tokenizer, "get_pretrained_language_model": encoder}
    facts = {name: value for name, value in vars(config).items() if not name.startswith("_")}
    # Checkpointing saves memory in training and warns elsewhere.
    facts |= {"use_checkpoint": False, "use_transformer_ckpt": False, "device": "cpu"}
    with _building:
        kept = {name: getattr(encoders, name) for name in made}
        try:
            for name, function in made.items():
                setattr(encoders, name, function)
            return models.build_model(SimpleNamespace(**facts))
        finally:
            for name, function in kept.items():
                setattr(encoders, name, function)


def _quiet() -> None:
    """Ignore what the package's libraries say about its age."""
    for text in ("Importing from timm", "torch.meshgrid", ".*torch.cuda.amp.*", "Failed to load custom C.. ops"):
        warnings.filterwarnings("ignore", message=text)
