"""Objects from clicks by our own network, which comes with the program; see nets/clarity_click.py.

The network makes the mask in a coarse grid; its edge is found again in the photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import torch_import
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.pictures import reduced_to
from clarity_desktop.backend.regions.areas import guided
from clarity_desktop.backend.regions.click_maps import ClickMaps
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt, check
from clarity_desktop.backend.regions.grabcut import GrabCut
from clarity_desktop.backend.regions.object_edge import KEPT, Floats, Photo
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Click, Pixels

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.clarity_click import ClarityClick as Network

WEIGHTS = "clarity-click"
SIDE, STRIDE, GRID = 384, 32, 4
"""Longest side of what the network sees, what its sides are multiples of, and the side of a cell of its masks."""
WIDTHS = 16, 64, 96, 96
"""Channels of the levels."""
LEVELS = "fine", "second", "third", "coarse"
"""The arrays of the embedding that the network made."""
ALTERNATIVES = 2.0, -2.0
"""Added to the logits for the candidates after the first: what may also belong to it, and what surely does."""
EDGE = 0.012
"""Radius in which the edge of a mask is moved to one of the photo, as a share of its longer side."""
SAME = 0.9
"""Overlap from which two candidates are the same."""


@dataclass(frozen=True, slots=True)
class ClarityClick:
    """The engine. Safe for several threads."""

    models: ModelCache
    store: WeightStore
    device: str = "cpu"

    @property
    def id(self) -> str:
        """See Engine.id."""
        return WEIGHTS

    @property
    def title(self) -> str:
        """See Engine.title."""
        return "Clarity Click"

    def is_ready(self) -> bool:
        """See Engine.is_ready."""
        return self.store.is_ready(WEIGHTS)

    def digest(self) -> str:
        """See Engine.digest."""
        return f"{WEIGHTS} {self.store.digest(WEIGHTS)[:16]}"

    def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
        """What the network sees in H×W×3 RGB (uint8 or uint16), and the photo reduced to 1024 pixels.

        See Engine.embed.
        """
        net = self._network()
        height, width = pixels.shape[:2]
        photo = reduced_to(to_8_bits(pixels), KEPT)
        checkpoint()
        return Embedding(
            self.digest(), width, height, {"photo": photo, **look(net, photo, self.device)}, costly=False
        )  # fmt: skip

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        """One to three candidates, the best first; see Engine.masks."""
        photo, levels = _parts(embedding, self.title)
        check(prompt, embedding.width, embedding.height)
        if prompt.box is not None:  # the network is better at clicks, GrabCut at boxes (docs/regions.md)
            return GrabCut().masks(embedding, prompt)
        rows, columns = levels[0].shape[-2:]
        scale = columns / embedding.width, rows / embedding.height
        clicks = [Click(c.x * scale[0], c.y * scale[1], c.inside) for c in prompt.clicks]
        hint = prompt.hint
        known = hint if hint is not None and hint.shape == (rows, columns) and np.isfinite(hint).all() else None
        logits = grid_logits(self._network(), photo, levels, clicks, known, self.device)
        return candidates(photo, logits, clicks, several=len(clicks) < 2)

    def _network(self) -> Network:
        torch_import.import_torch()
        file = self.store.need((WEIGHTS,))[WEIGHTS]
        key = ModelKey(WEIGHTS, self.title, self.device)  # pyright: ignore[reportArgumentType]
        return self.models.get(key, lambda: load(file, self.device), file.stat().st_size)


def load(file: Path, device: str = "cpu") -> Network:
    """The network with the weights of a safetensors file."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets.clarity_click import ClarityClick as Network

    net = Network()
    net.load_state_dict({name: values.float() for name, values in load_file(file).items()})
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return net.to(device).eval().requires_grad_(False)


def seen_size(width: int, height: int) -> tuple[int, int]:
    """Width and height at which the network sees a photo."""
    factor = SIDE / max(width, height)
    return tuple(max(STRIDE, STRIDE * round(side * factor / STRIDE)) for side in (width, height))  # type: ignore


def look(net: Network, photo: Photo, device: str = "cpu") -> dict[str, NDArray[np.float16]]:
    """What the network makes of a photo (h×w×3 uint8): the LEVELS, each 1×C×h×w float16."""
    import torch

    across, down = seen_size(photo.shape[1], photo.shape[0])
    method = cv2.INTER_AREA if across < photo.shape[1] else cv2.INTER_CUBIC
    seen = np.asarray(cv2.resize(photo, (across, down), interpolation=method), np.uint8)
    with torch.inference_mode():
        rgb = torch.from_numpy(seen).to(device).permute(2, 0, 1)[None].float() / 255
        merged = net.merge(net.levels(rgb))
    return {name: level.half().cpu().numpy() for name, level in zip(LEVELS, merged, strict=True)}


def grid_logits(
    net: Network, photo: Photo, levels: Sequence[NDArray[np.float16]], clicks: Sequence[Click],
    previous: Floats | None, device: str = "cpu",
) -> Floats:  # fmt: skip
    """The logits of the mask in the network's grid, h×w float32.

    photo: h×w×3 uint8. levels: of `look`. clicks: in cells of the grid. previous: h×w logits that are corrected.
    """
    import torch

    rows, columns = levels[0].shape[-2:]
    maps = ClickMaps(photo, rows, columns)
    places = [(*maps.cell(c), 1 if c.inside else -1) for c in clicks] or [(0, 0, 0)]
    with torch.inference_mode():
        merged: Any = tuple(torch.from_numpy(np.array(level)).to(device, torch.float32) for level in levels)
        seen = torch.from_numpy(maps.make(clicks, None, previous)).to(device)[None]
        return net(merged, seen, torch.tensor([places], device=device))[0].cpu().numpy()


def candidates(photo: Photo, logits: Floats, clicks: Sequence[Click], *, several: bool) -> tuple[MaskCandidate, ...]:
    """The masks over the photo (h×w×3 uint8) from logits of the grid: the best, then what may be meant instead.

    clicks: in cells of the grid; what they say holds, whatever the network makes of them.
    """
    likely = 1 / (1 + np.exp(-logits))
    known: list[NDArray[np.bool_]] = []
    found: list[MaskCandidate] = []
    for shift in (0.0, *ALTERNATIVES) if several else (0.0,):
        chosen = settled(logits + np.float32(shift), clicks)
        inside = chosen > 0
        if any((inside & mask).sum() >= SAME * (inside | mask).sum() for mask in known):
            continue
        known.append(inside)
        # The overlap that is to be expected if the probabilities are right.
        score = float(likely[inside].sum() / (inside.sum() + likely[~inside].sum() + 1e-6))
        found.append(MaskCandidate(refined(photo, chosen), score, chosen))
    return tuple(found)


def settled(logits: Floats, clicks: Sequence[Click]) -> Floats:
    """The logits (h×w) with what clicks say: their cells are inside or outside, parts without one are outside."""
    logits = logits.copy()
    rows, columns = logits.shape
    cells = [(min(rows - 1, int(c.y)), min(columns - 1, int(c.x)), c.inside) for c in clicks]
    for y, x, inside in cells:
        part = logits[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        part[:] = np.maximum(part, 1) if inside else np.minimum(part, -1)
    _, labels = cv2.connectedComponents((logits > 0).astype(np.uint8))
    clicked = {int(labels[y, x]) for y, x, inside in cells if inside} - {0}
    if clicked:
        other = (labels > 0) & ~np.isin(labels, list(clicked))
        logits[other] = np.minimum(logits[other], -1)
    return logits


def refined(photo: Photo, logits: Floats) -> Floats:
    """Logits of the grid over the photo (h×w×3 uint8), with their edge along its edges: h×w float32."""
    size = photo.shape[1], photo.shape[0]
    likely = 1 / (1 + np.exp(-np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_CUBIC), np.float32)))
    radius = max(2, round(EDGE * max(size)))
    return 8 * (guided(photo, np.asarray(likely, np.float32), radius, 1e-3) - np.float32(0.5))


def _parts(embedding: Embedding, title: str) -> tuple[Photo, list[NDArray[np.float16]]]:
    """The photo and the levels of an embedding, which may come from a file. Raises UserError."""
    photo = embedding.arrays.get("photo")
    levels = [embedding.arrays.get(name) for name in LEVELS]
    if photo is None or photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise UserError("regions.embedding_form", engine=title)
    across, down = seen_size(photo.shape[1], photo.shape[0])
    found: list[NDArray[np.float16]] = []
    for k, level in enumerate(levels):
        side = GRID * 2**k
        if level is None or level.shape != (1, WIDTHS[k], down // side, across // side):
            raise UserError("regions.embedding_form", engine=title)
        found.append(level)
    return photo, found
