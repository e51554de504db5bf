"""BLIP (Li et al., 2022): a sentence about what a photo shows, by the implementation in transformers.

The network and its vocabulary come from the store of weights; nothing is asked of the network.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import library_shims, torch_import
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.regions.groundingdino import VOCABULARY
from clarity_desktop.backend.regions.pauses import Pauses
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Pixels

ID, TITLE = "blip-captioning-base", "BLIP"
WEIGHTS = (ID, VOCABULARY)
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
MOST_WORDS, BEAMS = 20, 3
"""Tokens of a caption at most, and how many captions are followed at a time, as in the authors' demonstration."""
TEXT: Mapping[str, Any] = {"num_attention_heads": 12}
"""Where the published configuration differs from the defaults of transformers."""
DECODER = "text_decoder.cls.predictions.decoder"
SHARED = {
    f"{DECODER}.weight": "text_decoder.bert.embeddings.word_embeddings.weight",
    f"{DECODER}.bias": "text_decoder.cls.predictions.bias",
}
"""Tensors that a file may leave out because another one has their values."""
UNUSED = ("text_decoder.bert.embeddings.position_ids",)


class Captioner(Protocol):
    """Says what a photo shows."""

    def is_ready(self) -> bool:
        """Whether it can be used without a download."""
        ...

    def missing(self) -> tuple[str, ...]:
        """The models of the catalog that must be downloaded for it; none if a download alone would not help."""
        ...

    def caption(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> str:
        """A few words about H×W×3 RGB (uint8 or uint16). Raises ModelMissing, UserError, and what checkpoint raises."""
        ...


@dataclass(frozen=True, slots=True)
class Blip:
    """The captioner by BLIP. Safe for several threads."""

    models: ModelCache
    store: WeightStore

    def is_ready(self) -> bool:
        """See Captioner.is_ready."""
        return is_installed() and not self.missing()

    def missing(self) -> tuple[str, ...]:
        """See Captioner.missing."""
        return tuple(name for name in WEIGHTS if not self.store.is_ready(name)) if is_installed() else ()

    def caption(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> str:
        """A caption of H×W×3 RGB (uint8 or uint16); see Captioner.caption."""
        if not is_installed():
            raise UserError("describe.no_transformers")
        files = self.store.need(WEIGHTS)
        torch_import.import_torch()
        size = sum(file.stat().st_size for file in files.values())
        net: Network = self.models.get(ModelKey(ID, TITLE), lambda: load(files[ID], files[VOCABULARY]), size)
        return net.caption(network_input(pixels, net.side), checkpoint)


def is_installed() -> bool:
    """Whether the library is there."""
    return importlib.util.find_spec("transformers") is not None


def network_input(pixels: Pixels, side: int) -> NDArray[np.float32]:
    """H×W×3 RGB (uint8 or uint16) as the network sees it: 1×3×side×side float32, normalized, whatever its shape was."""
    from PIL import Image

    small = Image.fromarray(to_8_bits(pixels)).resize((side, side), Image.Resampling.BICUBIC)
    values = (np.asarray(small, np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)[None]


class Network:
    """The loaded network. Safe for several threads."""

    def __init__(self, net: Any, words: Sequence[str]) -> None:
        """net: as `build` makes it, with weights. words: its vocabulary."""
        self._net, self._words = net, words
        self._pauses = Pauses(net)
        self.side: int = net.config.vision_config.image_size

    def caption(self, seen: NDArray[np.float32], checkpoint: Callable[[], None] = lambda: None) -> str:
        """The caption of 1×3×side×side float32. Raises what checkpoint raises."""
        import torch

        with torch.inference_mode(), self._pauses.calling(checkpoint):
            made = self._net.generate(
                pixel_values=torch.from_numpy(seen), num_beams=BEAMS, max_new_tokens=MOST_WORDS, do_sample=False
            )
        return sentence([int(token) for token in made[0]], self._words)


def sentence(tokens: Sequence[int], words: Sequence[str]) -> str:
    """The text of tokens: word pieces are joined ("##s"), and what is no word is left out."""
    pieces = [words[token] for token in tokens if 0 <= token < len(words)]
    text = " ".join(piece for piece in pieces if not re.fullmatch(r"\[.*\]", piece)).replace(" ##", "")
    return re.sub(r"\s+([.,'!?])\s*", r"\1 ", text).replace("' ", "'").strip()


def load(weights: Path, vocabulary: Path) -> Network:
    """The network with the weights of two safetensors files. Raises UserError unless they hold exactly its tensors."""
    from safetensors.numpy import load_file as load_arrays
    from safetensors.torch import load_file

    return network(build(), load_file(weights), bytes(load_arrays(vocabulary)["file"]).decode())


def network(net: Any, tensors: Mapping[str, Any], vocabulary: str) -> Network:
    """A network that was built with the tensors of its file. vocabulary: one word a line. Raises UserError."""
    state = {name: values for name, values in tensors.items() if name not in UNUSED}
    for name, other in SHARED.items():
        if name not in state and other in state:
            state[name] = state[other]
    wanted: Mapping[str, Any] = net.state_dict()
    wrong = [name for name in wanted if name not in state or state[name].shape != wanted[name].shape]
    if wrong or len(state) > len(wanted):
        tensor = (wrong or sorted(set(state) - set(wanted)))[0]
        raise UserError("regions.checkpoint", title=TITLE, model=ID, tensor=tensor)
    # Assigned, not copied: in the published file the decoder has values of its own, which the library would share.
    net.load_state_dict(state, assign=True)
    return Network(net.eval().requires_grad_(False), vocabulary.splitlines())


def build(text: Mapping[str, Any] | None = None, vision: Mapping[str, Any] | None = None) -> Any:
    """The network with random weights. text, vision: settings that differ from the published ones."""
    with suppress(ImportError):  # transformers can do without it
        library_shims.torchvision_ready()
    from transformers import BlipConfig, BlipForConditionalGeneration, logging

    logging.set_verbosity_error()  # it advises those who call it on names that it uses itself
    config = BlipConfig(text_config={**TEXT, **(text or {})}, vision_config=dict(vision or {}))
    return BlipForConditionalGeneration(config)
